"""What decides the result of a stage, as folders and files of the package: a change there makes the stage run again.

`dvc.yaml` declares the same, the fingerprints of trainings and of measurements are digests of it, and tests compare the
three and follow the imports. A change that must not make a stage run again belongs to another folder.
"""

DECIDES = {
    "compose": ("config", "core", "tasks"),
    "generate": ("tasks", "manifest.py", "core/windows/counting.py"),
    "train": ("config", "core", "tasks", "training", "evaluation", "inference"),
    "evaluate": ("config", "core", "tasks", "evaluation", "inference", "plots"),
    "benchmark": ("config", "core", "tasks", "training", "evaluation", "benchmark/measure", "stages/shapes.py"),
    "report": ("config", "core", "tasks", "benchmark", "plots", "stages/shapes.py", "stages/pictures.py"),
}
"""By stage; the file of the stage itself, `stages/NAME.py`, belongs to it, too."""

NEUTRAL = (
    "stages",  # in which order work is done, besides the stage's own file
    "tracking",  # where a result is logged
    "plots",  # how a result looks; a training is not repeated for that
    "config",  # the values of a stage are declared by themselves
    "manifest.py",  # how a file is verified; another format changes what `generate` writes, and with it the rest
    "__init__.py",
    "boundaries.py",
    "child_process.py",
    "compiled_programs.py",
    "environment.py",
    "errors.py",
    "files.py",
    "fork_server.py",
    "forked.py",
    "gc_paused.py",
    "locks.py",
    "redact.py",
    "units.py",
)
"""What decides nothing where `DECIDES` does not name it, and what only this uses."""
