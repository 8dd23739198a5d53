from hypothesis import given, settings
from hypothesis import strategies as st

from training.model.examples import TokenGroup, pack

LENGTHS = st.lists(st.integers(1, 40), max_size=400)


@settings(max_examples=60)
@given(LENGTHS, st.integers(40, 60))
def test_each_example_goes_into_the_first_row_that_has_room(lengths: list[int], length: int) -> None:
    examples = [TokenGroup((0,) * size, ()) for size in lengths]
    rows: list[list[TokenGroup]] = []
    for example in examples:
        open_row = next((row for row in rows if sum(each.tokens for each in row) + example.tokens <= length), None)
        if open_row is None:
            rows.append(open_row := [])
        open_row.append(example)
    assert pack(examples, length) == rows
