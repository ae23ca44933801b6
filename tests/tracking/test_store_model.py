"""A logged model predicts what it predicted in the pipeline."""

import numpy as np

from echo_rnn.tracking import Data


def test_pyfunc_predicts_what_keras_predicts(store, client, tmp_path, monkeypatch):
    import keras  # noqa: PLC0415
    import mlflow  # noqa: PLC0415

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((None, 1)), keras.layers.LSTM(4, return_sequences=True), keras.layers.Dense(2)]
    )
    x_BTI = np.random.default_rng(0).normal(size=(3, 11, 1)).astype(np.float32)
    data = Data("echo-test", "0123", {"x": "integer"}, 10)
    with store.run("static-T15", "d", {}) as run:
        run.log_config({"seed": 0})
        run.log_dataset(data, "data", "training")
        run.log_metrics([("train/loss", 0.5, 1), ("train/loss", 0.25, 2)])
        run.log_model(model, x_BTI[:1, :5])
    with store.resume(run.id) as run:
        run.log_model(model, x_BTI[:1, :5])  # as a training that was killed at its end does
        run.log_metrics([("test/accuracy", 0.75, 0)], of=data)

    before = mlflow.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", before)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    try:
        loaded = mlflow.pyfunc.load_model(f"runs:/{run.id}/static-T15")
        # The same weights and operations; only the batching of predict may round differently.
        np.testing.assert_allclose(loaded.predict(x_BTI), model.predict(x_BTI, verbose=0), atol=1e-6, rtol=0)
    finally:
        mlflow.set_tracking_uri(before)

    inputs, outputs = loaded.metadata.signature.inputs.inputs, loaded.metadata.signature.outputs.inputs
    assert [(spec.shape, spec.type) for spec in (*inputs, *outputs)] == [
        ((-1, -1, 1), np.dtype("float32")),
        ((-1, -1, 2), np.dtype("float32")),
    ]
    (output,) = client.get_run(run.id).outputs.model_outputs
    (logged,) = client.search_logged_models([store.experiment_id])
    assert (output.model_id, logged.status) == (logged.model_id, "READY")
    assert loaded.metadata.model_id == logged.model_id
    # What its page shows.
    assert (logged.name, logged.params) == ("static-T15", {"seed": "0"})
    numbers = {metric.key: (metric.value, metric.dataset_name, metric.dataset_digest) for metric in logged.metrics}
    assert numbers == {"train/loss": (0.25, "echo-test", "0123"), "test/accuracy": (0.75, "echo-test", "0123")}
