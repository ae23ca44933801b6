"""Every mistake ends in one sentence: the key, what was expected, what came, and the file to change."""

import re

import pytest

from echo_rnn.config import Composition, compose, composition_error, read
from echo_rnn.config.sentences import RENAMED, known_keys, unknown_key
from echo_rnn.errors import UserError

HEAD = "# @package _global_\n"
NAMED = HEAD + "experiment: {name: mine, description: ''}\n"


def one_sentence(error, key, expected, came, place, code=None):
    """Holds the form of the sentence; `expected` and `came` are parts of what stands there."""
    assert error.code.startswith("config.") if code is None else error.code == code
    error = str(error)
    form = re.fullmatch(r"(.+?): expected (.+), got (.+?); change it in (.+?)( \(\d+ more after this one\))?", error)
    assert form, error
    assert "\n" not in error
    assert (form[1], form[4]) == (key, place)
    assert expected in form[2]
    assert came in form[3]


CODES = [
    ("trainr", {}, "config.unknown_key"),
    ("optimizer.name", "adamm", "config.unknown_option"),
    ("trainer.compile", "jit", "config.unknown_option"),
    ("trainer.epochs", "ten", "config.wrong_type"),
    ("trainer.epochs", 0, "config.out_of_range"),
    ("trainer.shards", 4, "config.conflict"),
    ("task.batch_size", 7, "config.conflict"),
    ("trainer.epochs", "${nothing}", "config.not_composable"),
    ("task.rows", 5, "config.renamed_key"),
    ("benchmark.again", True, "config.renamed_key"),
]


@pytest.mark.parametrize(("key", "value", "code"), CODES)
def test_an_error_has_the_code_of_its_kind(key, value, code, composed):
    with pytest.raises(UserError) as caught:
        composed(
            values={**tree(key, value), **({"trainer": {"shards": 4, "compile": "graph"}} if "shards" in key else {})}
        )
    one_sentence(caught.value, key, "", "", f"params.yaml (values.{key})", code)


@pytest.mark.parametrize(("key", "new"), RENAMED.items())
def test_an_old_key_is_refused_with_the_new_one(key, new):
    one_sentence(unknown_key(key.split("."), "here"), key, new, "the old one", "here", "config.renamed_key")
    assert new in known_keys()


def test_an_old_value_is_refused_with_the_new_one(composed):
    with pytest.raises(UserError) as caught:
        composed(values=tree("trainer.compile", "lanes"))
    place = "params.yaml (values.trainer.compile)"
    one_sentence(caught.value, "trainer.compile", "trainer.shards", "'lanes'", place, "config.renamed_key")


def tree(key, value):
    for part in reversed(key.split(".")):
        value = {part: value}
    return value


# The key, its value, and parts of what is expected and of what came.
VALUES = [
    ("trainr", {}, "trainer", "unknown key (did you mean trainer?)"),
    ("task.echo_stp", 9, "echo_step", "unknown key (did you mean echo_step?)"),
    ("trainer.early_stop.patienc", 1, "patience, min_delta", "unknown key (did you mean patience?)"),
    ("epochs", 9, "trainer", "(did you mean trainer.epochs?)"),
    ("optimizer.beta_1", 0.9, "initial_accumulator_value", "unknown key"),
    ("hydra", {}, "tracking", "unknown key"),
    ("trainer.3", 9, "epochs", "unknown key"),
    ("trainer.epochs", "ten", "a whole number", "'ten'"),
    ("trainer.epochs", 1.5, "a whole number", "1.5"),
    ("trainer.epochs", True, "a whole number", "true"),
    ("trainer.epochs", None, "a whole number", "null"),
    ("trainer.epochs", {"a": 1}, "a whole number", "{'a': 1}"),
    ("trainer.epochs", "${nothing}", "a value", "'${nothing}' (Interpolation key 'nothing' not found)"),
    ("trainer.epochs", "${oc.env:NO_SUCH}", "a value, or ${another.key}", "which calls a function"),
    ("tracking.uri", "a ${oc.env:${seed}} b", "a value, or ${another.key}", "which calls a function"),
    ("tracking.uri", "${${seed}:b}", "a value, or ${another.key}", "which calls a function"),
    ("trainer.epochs", "${trainer.epochs}", "a value", "'${trainer.epochs}' (Recursive"),
    ("trainer.compile", "jit", "one of none, graph, xla", "'jit'"),
    ("trainer", None, "a group of keys", "null"),
    ("trainer", [1], "a group of keys", "[1]"),
    ("optimizer", "adam", "a group of keys", "'adam'"),
    ("optimizer", None, "a group of keys", "null"),
    ("optimizer.name", "adamm", "adam, adamw", "'adamm' (did you mean adam?)"),
    ("optimizer.name", "sgd", "choose another file of optimizer/ instead", "'sgd'"),
    ("model.cell", None, "lstm, gru", "null"),
    ("task.name", "addin", "adding", "'addin'"),
    ("optimizer.learning_rate", 0, "a number greater than 0", "0"),
    ("optimizer.learning_rate", float("inf"), "a finite number", "inf"),
    ("optimizer.learning_rate", float("nan"), "a finite number", "nan"),
    ("model.dropout.between", 1.0, "a number less than 1", "1.0"),
    ("model.dropout.variational", 1, "true or false", "1"),
    ("task.batch_size", 0, "a number at least 1", "0"),
    ("task.series_length", -5, "a number at least 1", "-5"),
    ("task.echo_step", -1, "a number at least 0", "-1"),
    ("trainer.window", 0, "a number at least 1", "0"),
    ("trainer.validate_every", 0, "a number at least 1", "0"),
    ("trainer.early_stop.patience", 0, "a number at least 1", "0"),
    ("model.layers", 0, "a number at least 1", "0"),
    ("model.units", -4, "a number at least 1", "-4"),
    ("model.units", [4, 0, 4], "a number at least 1", "0"),
    ("model.units", [], "a list that is not empty", "[]"),
    ("model.units", None, "a whole number", "null"),
    ("model.units", [4, 5], "one for each of model.layers = 3", "[4, 5]"),
    ("runtime.threads", 0, "a number at least 1", "0"),
    ("seed", -1, "a number at least 0", "-1"),
    ("seed", 2**63, f"a number less than {2**63}", f"{2**63}"),
    ("tracking.uri", "", "a text that is not empty", "''"),
    ("tracking.uri", "http://me:hunter2@host", "an address without user and password", "'http://***@host'"),
    ("experiment.name", "a/b", "letters, digits", "'a/b'"),
    ("experiment.name", "", "a text that is not empty", "''"),
    ("experiment.description", ["line\nline" * 99], "a text", "['line"),
    ("experiment.description", "\ud800", "a text without broken characters", r"'\ud800'"),
    ("task.echo_step", 50000, "fewer steps than task.series_length = 50000", "50000"),
    ("task.test_length", 3, "more time steps than task.echo_step = 3", "3"),
    ("task.batch_size", 7, "divides task.series_length = 50000", "7"),
    ("task.validation_length", 501, "a multiple of task.batch_size = 5", "501"),
    ("task.series_length", 50, "at least 75 time steps", "50"),
    ("task.batch_size", 50000, "hold a window of trainer.window = 15", "50000"),
    ("trainer.window", 10001, "at most 10000 time steps", "10001"),
]


@pytest.mark.parametrize(("key", "value", "expected", "came"), VALUES)
def test_value_in_params(key, value, expected, came, composed):
    value = {3: value} if key == "trainer.3" else value
    with pytest.raises(UserError) as caught:
        composed(values=tree(key.removesuffix(".3"), value))
    one_sentence(caught.value, key, expected, came, f"params.yaml (values.{key})")


# The same on the command line, where Hydra takes it.
OVERRIDES = [
    ("trainer.epochs=ten", "trainer.epochs", "a whole number", "'ten'"),
    ("trainer.epochs=", "trainer.epochs", "a whole number", "''"),
    ("+task.echo_stp=9", "task.echo_stp", "echo_step", "(did you mean echo_step?)"),
    ("++task.batch_size=0", "task.batch_size", "at least 1", "0"),
    ("~task.batch_size", "task.batch_size", "a value", "nothing"),
    ("task={batch_size: 0}", "task.batch_size", "at least 1", "0"),
    ("trainer.early_stop={patience: 0}", "trainer.early_stop.patience", "at least 1", "0"),
    ("trainer.early_stop=3", "trainer.early_stop", "a group of keys", "3"),
    ("trainer.epochs=???", "trainer.epochs", "a value", "'???'"),
    ("seed=${nothing}", "seed", "a value", "'${nothing}'"),
    ("unroll=block", "unroll.name", "trainer.compile = graph", "'block'"),
]


@pytest.mark.parametrize(("override", "key", "expected", "came"), OVERRIDES)
def test_value_on_the_command_line(override, key, expected, came, job):
    with pytest.raises(UserError) as caught:
        job("trainer.window=14", override, "trainer.scope=step")
    one_sentence(caught.value, key, expected, came, f"the command line ({override})")


def test_a_list_of_options_is_refused_and_not_its_last_one_taken(job):
    with pytest.raises(UserError) as caught:
        job("unroll=[static,dynamic]")
    one_sentence(caught.value, "unroll", "one option", "[static,dynamic]", "unroll=[static,dynamic]")


REFUSED = [
    ("trainr.epochs=3", "trainr.epochs", "a single value", "unknown key"),
    ("task.echo_stp=9", "task.echo_stp", "echo_step", "unknown key (did you mean echo_step?)"),
    ("optimzer=adam", "optimzer", "optimizer", "unknown key (did you mean optimizer?)"),
    ("~task.foo", "task.foo", "batch_size", "unknown key"),
    ("model.options={a: b}", "model.options", "forget_bias", "unknown key (another option of the group has it)"),
    ("optimizer=adamm", "optimizer", "adagrad", "'adamm' (did you mean adam?)"),
    ("hydra/launcher=jobli", "hydra/launcher", "joblib", "'jobli'"),
    ("task.batch_size=[1", "the command line", "what can be composed", "[1"),
    ("foo", "the command line", "what can be composed", "'foo'"),
    ("task.batch_size=1,2", "task.batch_size", "the option -m", "1,2"),
    ("task=5", "the command line", "what can be composed", "Got int"),
    ("task=null", "the command line", "what can be composed", "Got NoneType"),
]


@pytest.mark.parametrize(("override", "key", "expected", "came"), REFUSED)
def test_what_hydra_itself_refuses(override, key, expected, came, job, conf):
    with pytest.raises(Exception) as caught:
        job(override)
    one_sentence(composition_error(caught.value, conf, "the command line"), key, expected, came, "the command line")


GROUPS = [
    ({"optimzer": "adam"}, "optimizer", "'optimzer' (did you mean optimizer?)"),
    ({"local": "default"}, "optimizer", "'local'"),
    ({"optimizer": "adamm"}, "adam, adamax", "'adamm' (did you mean adam?)"),
    ({"optimizer": "adam,sgd"}, "adam, adamax", "'adam,sgd'"),
    ({"optimizer": "../model/lstm"}, "adam, adamax", "'../model/lstm'"),
    ({"optimizer": ""}, "adam, adamax", "''"),
    ({"optimizer": 5}, "adam, adamax", "5"),
    ({"optimizer": ["adam"]}, "adam, adamax", "['adam']"),
    ({"experiment": "sed"}, "clipper, debug, fast, forecast, horizon, seed", "'sed' (did you mean seed?)"),
]


@pytest.mark.parametrize(("groups", "expected", "came"), GROUPS)
def test_group_in_params(groups, expected, came, composed):
    with pytest.raises(UserError) as caught:
        composed(groups)
    one_sentence(caught.value, f"groups.{next(iter(groups))}", expected, came, "params.yaml")


PARAMS = [
    (None, "params.yaml", "groups and values", "no such file"),
    ("", "groups", "a value", "nothing"),
    ("groups: {}\nvalue: {}", "value", "groups, values", "unknown key (did you mean values?)"),
    ("- 1", "params.yaml", "a group of keys", "1"),
    ("groups: {}\nvalues:", "values", "a group of keys", "null"),
    ("groups: {}\nvalues: [", "params.yaml", "YAML", "line 2"),
    ("groups: {}\nvalues: {}\nvalues: {}", "params.yaml", "YAML", "line 3"),
    ("groups:\n\ttask: echo", "params.yaml", "YAML", "line 2"),
    (b"\xff\xfe", "params.yaml", "YAML", "not UTF-8"),
    ("groups: {}\nvalues: &a {trainer: *a}", "params.yaml", "YAML", "an alias"),
    ("groups: {}\nvalues:\n  seed: ???", "values.seed", "YAML", "Missing mandatory value"),
    ("groups: {}\nvalues: {seed: '${'}", "values.seed", "YAML", "'${'"),
]


@pytest.mark.parametrize(("content", "key", "expected", "came"), PARAMS)
def test_damaged_params(content, key, expected, came, write, tmp_path, conf):
    write({} if content is None else {"params.yaml": content})
    with pytest.raises(UserError) as caught:
        compose(tmp_path / "params.yaml", conf)
    one_sentence(caught.value, key, expected, came, "params.yaml")


OWN = "conf/local/default.yaml"
TRAINER = "conf/trainer/truncated.yaml"
SEED = "conf/experiment/seed.yaml"
FILES = [
    (OWN, "trainer: {epohs: 3}", "trainer.epohs", "epochs", "(did you mean epochs?)"),
    (OWN, "trainr: {epochs: 3}", "trainr", "trainer", "(did you mean trainer?)"),
    (OWN, "trainer: {epochs: 0}", "trainer.epochs", "at least 1", "0"),
    (OWN, "trainer:", "trainer", "a group of keys", "null"),
    (OWN, "trainer: {epochs: '${x}'}", "trainer.epochs", "a value", "'${x}'"),
    (OWN, "trainer: {epochs: '${'}", OWN, "composed", "'${'"),
    (OWN, "trainer: {epochs: 3", OWN, "composed", "line 1"),
    (OWN, "trainer: [1]", OWN, "composed", "ListConfig"),
    (OWN, "hello", "hello", "trainer", "unknown key"),
    (OWN, b"\xff", OWN, "composed", "not UTF-8"),
    (OWN, "defaults:\n- override /optimizer: adamm", "optimizer", "adam, adamax", "'adamm'"),
    (OWN, "defaults:\n- override /unroll: block", "unroll.name", "deferred", "'block'"),
    (SEED, NAMED + "trainer: {epohs: 3}", "trainer.epohs", "epochs", "(did you mean epochs?)"),
    (SEED, NAMED + "defaults:\n- override /optimizer: adamm", "optimizer", "adam, adamax", "'adamm'"),
    (SEED, NAMED + "defaults:\n- override /optimizr: adam", SEED, "composed", "'optimizr'"),
    (SEED, NAMED + "defaults:\n- /optimizer: adam", SEED, "composed", "Multiple values for optimizer"),
    (SEED, NAMED + "defaults:\n- override /unroll: block", "unroll.name", "deferred", "'block'"),
    (SEED, NAMED.removeprefix(HEAD), "experiment.experiment", "name", "the first line"),
    (TRAINER, "", "trainer.epochs", "a value", "nothing"),
    (TRAINER, "- a", "trainer", "a group of keys", "['a']"),
    (TRAINER, "epochs: [", TRAINER, "composed", "line 1"),
    (TRAINER, b"\xff", TRAINER, "composed", "not UTF-8"),
    ("conf/optimizer/adagrad.yaml", "name: adagradd", "optimizer.name", "adagrad", "(did you mean adagrad?)"),
    ("conf/optimizer/adagrad.yaml", "epsilon: 1.0", "optimizer.name", "a value", "nothing"),
    ("conf/runtime/pinned.yaml", HEAD + "runtime: {threads: 2}", "seed", "a value", "nothing"),
    ("conf/runtime/pinned.yaml", HEAD + "seed: 0\nruntime: {thread: 2}", "runtime.thread", "threads", "mean threads?"),
    ("conf/config.yaml", "defaults: [", "conf/config.yaml", "composed", "line 1"),
    ("conf/config.yaml", "", "task", "a value", "nothing"),
    ("conf/config.yaml", "seed: 0", "task", "a value", "nothing"),
    ("conf/config.yaml", "defaults:\n- task: ech", "task", "echo", "(did you mean echo?)"),
    ("conf/config.yaml", "defaults:\n- tsk: echo", "conf/config.yaml", "composed", "'tsk/echo'"),
]


@pytest.mark.parametrize(("file", "content", "key", "expected", "came"), FILES)
def test_mistake_in_conf(file, content, key, expected, came, write, composed):
    write({file: content})
    with pytest.raises(UserError) as caught:
        composed()
    one_sentence(caught.value, key, expected, came, file)


def test_mistake_in_an_experiment_that_another_builds_on(write, composed):
    write({"conf/experiment/mine.yaml": NAMED + "defaults: [debug]\n"})
    write({"conf/experiment/debug.yaml": NAMED + "trainer: {epochs: 0}\n"})
    with pytest.raises(UserError) as caught:
        composed({"experiment": "mine"})
    one_sentence(caught.value, "trainer.epochs", "at least 1", "0", "conf/experiment/debug.yaml")


def test_missing_conf(tmp_path, composed, conf):
    conf.rename(tmp_path / "moved")
    with pytest.raises(UserError) as caught:
        composed()
    one_sentence(caught.value, "conf", "composed", "not found", "conf")


@pytest.mark.parametrize(
    ("groups", "compiled", "expected"),
    [
        ({"unroll": "block"}, "xla", "trainer.compile = xla"),
        ({"unroll": "block", "model": "gru"}, "xla", "model.cell = gru"),
        ({"unroll": "wavefront", "model": "custom"}, "xla", "model.cell = custom"),
    ],
)
def test_strategy_that_the_network_cannot_have(groups, compiled, expected, composed):
    with pytest.raises(UserError) as caught:
        composed(groups, values={"trainer": {"compile": compiled}})
    one_sentence(caught.value, "unroll.name", expected, repr(groups["unroll"]), "params.yaml (groups.unroll)")


def test_of_several_keys_the_one_set_last_is_named(composed, write):
    write({"conf/local/default.yaml": "model: {units: [4, 5, 6]}"})
    with pytest.raises(UserError) as caught:
        composed(values={"model": {"layers": 2}})
    one_sentence(
        caught.value, "model.layers", "one for each size of model.units", "2", "params.yaml (values.model.layers)"
    )


def test_further_mistakes_are_counted(composed):
    with pytest.raises(UserError, match=r"^trainer.epochs: .+ \(2 more after this one\)$"):
        composed(values={"trainer": {"epochs": 0, "window": 0}, "seed": -1})


def test_composed_file_that_is_none(tmp_path):
    file = tmp_path / "config.yaml"
    for content, came in [
        (None, "no such file"),
        ("", "damaged or edited"),
        ("a: [", "damaged or edited"),
        ("- a", "damaged or edited"),
        (b"\xff", "UTF-8"),
    ]:
        if content is not None:
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(UserError, match=re.escape(f"{file}: expected a composed configuration")) as caught:
            read(file)
        assert came in str(caught.value)
        assert str(caught.value).endswith("; change conf/ or params.yaml, and `dvc repro compose` writes it again")


def test_composed_file_that_was_edited(tmp_path, composed):
    file = tmp_path / "config.yaml"
    composed().write(file)
    file.write_text(file.read_text().replace("batch_size: 5", "batch_size: 10"))
    with pytest.raises(UserError, match=r"as it was written, got a damaged or edited one; change conf/ or params.yaml"):
        read(file)


def test_composed_file_of_another_version(tmp_path, composed):
    file = tmp_path / "config.yaml"
    tree = composed().tree
    Composition(composed().config, tree | {"task": tree["task"] | {"batch_size": 7}}).write(file)
    with pytest.raises(UserError) as caught:
        read(file)
    place = f"conf/ or params.yaml, not in {file}: `dvc repro compose` writes it again"
    one_sentence(caught.value, "task.batch_size", "divides task.series_length", "7", place)
