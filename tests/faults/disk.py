"""A disk whose power can be cut: an ext4 in a file, mounted by a loop device.

What ext4 has handed to the device is in the file, what it holds back in memory is not: a copy of the file is what a
power cut at that moment leaves, as long as a device keeps its promise about what was flushed.
"""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

_BYTES = 96 * 2**20
_IN_FLIGHT, _WRITTEN = 8, 4
"""Places in the statistics of a block device: requests at work, and those that have written."""


class NotAllowed(Exception):  # noqa: N818
    """No disk can be made here, and why."""


class Disk:
    """One that is mounted at `place`."""

    def __init__(self, folder):
        self.place = folder / "disk"
        self._image = folder / "image"
        self._device = ""

    def copy(self, target):
        """Copies what is on disk now, while nothing is being written; returns whether there was such a moment."""
        for _ in range(200):
            before = self._statistics()
            if before[_IN_FLIGHT] == "0":
                _call("cp", "--sparse=always", self._image, target)
                if self._statistics()[_WRITTEN] == before[_WRITTEN]:
                    return True
            time.sleep(0.002)
        return False

    def _statistics(self):
        return Path(f"/sys/block/{Path(self._device).name}/stat").read_text().split()

    def _mount(self):
        self.place.mkdir(exist_ok=True)
        self._device = _call("losetup", "--find", "--show", self._image).strip()
        try:
            _call("mount", "-t", "ext4", self._device, self.place)
        except NotAllowed:
            _call("losetup", "--detach", self._device)
            raise

    def _unmount(self):
        for _ in range(50):
            try:
                _call("umount", self.place)
                break
            except NotAllowed:  # a process that was killed has not quite ended
                time.sleep(0.1)
        else:
            _call("umount", "--lazy", self.place)
        _call("losetup", "--detach", self._device)


@contextmanager
def disk(folder, image=None):
    """A disk that is empty, or as an image has it, inside the block.

    Raises:
        NotAllowed: It cannot be made or mounted here.
    """
    found = Disk(folder)
    if image is None:
        found._image.unlink(missing_ok=True)
        with found._image.open("wb") as file:
            file.truncate(_BYTES)
        _call("mkfs.ext4", "-q", "-F", found._image)
    else:
        shutil.move(image, found._image)
    found._mount()
    try:
        yield found
    finally:
        found._unmount()


def _call(*words):
    program = shutil.which(words[0], path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if program is None:
        raise NotAllowed(f"there is no {words[0]}")
    answer = subprocess.run([program, *map(str, words[1:])], capture_output=True, text=True, check=False)
    if answer.returncode:
        raise NotAllowed(f"{words[0]}: {answer.stderr.strip()}")
    return answer.stdout
