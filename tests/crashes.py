"""Writers that die while they put what they wrote into its place."""


def crash_after(monkeypatch, folder, moves):
    """Makes the move after `moves` of them into `folder` a crash; gives the list of the targets that were reached."""
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
