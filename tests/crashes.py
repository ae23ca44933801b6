"""Writers that crash while they move their files into place."""


def crash_after(monkeypatch, folder, moves):
    """Lets `moves` files be moved into `folder` and crashes at the next; returns the list of the targets moved to."""
    done = []
    original = type(folder).replace

    def replace(path, target):
        if target.parent == folder:
            if len(done) == moves:
                raise KeyboardInterrupt
            done.append(target)
        return original(path, target)

    monkeypatch.setattr(type(folder), "replace", replace)
    return done
