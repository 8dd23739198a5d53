from hypothesis import given
from hypothesis import strategies as st

from prover.source.lexer import tokenize

lean_soup = st.lists(
    st.sampled_from(
        ["--", "/-", "-/", '"', "'", "\\", "r#", "#", "«", "»", "h'", "x₁", "λ", "1.2", ".", " ", "\n", "⟨", "by"]
    )
).map("".join)


@given(st.one_of(st.text(), lean_soup))
def test_tokens_of_any_text_are_its_own_slices_in_order(text: str) -> None:
    end = 0
    for token in tokenize(text):
        assert token.start >= end
        assert token.text == text[token.start : token.end] != ""
        end = token.end


def words(text: str) -> list[str]:
    return [token.text for token in tokenize(text)]


def test_comments_are_not_tokens() -> None:
    assert words("by -- a -/ \n simp /- b /- c -/ d -/ ; rfl /- open") == ["by", "simp", ";", "rfl"]


def test_comment_signs_in_strings_and_chars_open_nothing() -> None:
    assert words("""f "--" "\\"/-" '"' r#"a"/-"# x""") == ["f", '"--"', '"\\"/-"', "'\"'", 'r#"a"/-"#', "x"]


def test_names_follow_leans_rules() -> None:
    assert words("Nat.add_comm h₁' «a b».c λx ℕ x.1") == [
        "Nat.add_comm",
        "h₁'",
        "«a b».c",
        "λ",
        "x",
        "ℕ",
        "x",
        ".",
        "1",
    ]
