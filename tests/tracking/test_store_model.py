"""A logged model predicts what it predicted in the pipeline."""

import numpy as np


def test_pyfunc_predicts_what_keras_predicts(store, client, tmp_path, monkeypatch):
    import keras  # noqa: PLC0415
    import mlflow  # noqa: PLC0415

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((None, 1)), keras.layers.LSTM(4, return_sequences=True), keras.layers.Dense(2)]
    )
    x_BTI = np.random.default_rng(0).normal(size=(3, 11, 1)).astype(np.float32)
    with store.run("name", "d", {}) as run:
        run.log_model(model, x_BTI[:1, :5])
    with store.resume(run.id) as run:
        run.log_model(model, x_BTI[:1, :5])  # as a training that was killed at its end does

    before = mlflow.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", before)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    try:
        loaded = mlflow.pyfunc.load_model(f"runs:/{run.id}/model")
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
