"""The canonical form of a record."""

import json

import pytest

from gonogo.record.canonical import canonical_json, sha256_hex


def test_the_order_in_which_a_document_was_put_together_does_not_matter() -> None:
    """Equal documents are equal bytes."""
    one = {"b": [1, {"y": "ä", "x": None}], "a": True}
    other = {"a": True, "b": [1, {"x": None, "y": "ä"}]}
    assert (
        canonical_json(one)
        == canonical_json(other)
        == '{"a":true,"b":[1,{"x":null,"y":"ä"}]}\n'.encode()
    )


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_cannot_say_is_refused(number: float) -> None:
    """A number that is none never reaches a record."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"value": number})


@pytest.mark.parametrize(
    "text", ["nul \x00", "lone \udc80 and \ud83d", 'quote " back \\', "\u2028", "😀"]
)
def test_any_text_comes_back_as_it_was(text: str) -> None:
    """Whatever a database held survives writing and reading, as valid UTF-8."""
    written = canonical_json({"message": text})
    assert json.loads(written.decode()) == {"message": text}


def test_the_hash_is_that_of_sha256sum() -> None:
    """Anyone can check it with a tool of their own."""
    assert (
        sha256_hex(b"abc\n") == "edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb"
    )
