"""One process at a time in a folder that is gone as soon as nobody is in it."""

from concurrent.futures import ThreadPoolExecutor

from pipelines.alone import alone


def test_many_come_and_go_one_at_a_time(tmp_path):
    folder, inside, together = tmp_path / "checkpoints", set(), []

    def visit(number):
        for _ in range(300):
            with alone(folder, "training"):
                inside.add(number)
                together.append(len(inside))
                inside.remove(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(visit, range(4)))
    assert together == [1] * 1200
    assert not folder.exists()
