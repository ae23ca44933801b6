import linear_time


def test_the_program_shows_the_copies_of_tensorflow_and_keras_and_none_with_the_gradient_replaced(capsys):
    linear_time.main([3, 37])
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[-6:] == ["3", "37", "copies", "in", "a", "turn"]
    found = {line[:36].strip(): line[36:].split() for line in lines}
    assert list(found) == ["tf.while_loop", "tf.while_loop, gradient replaced", "keras.layers.LSTM"]
    assert all(float(time) >= 0 for times in found.values() for time in times)
    assert [copies for *_, copies in found.values()] == ["2", "0", "2"]
