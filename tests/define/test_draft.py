from hypothesis import given
from hypothesis import strategies as st

from pivot.define.declared import declared_by
from pivot.define.draft import Draft
from pivot.define.signatures import Signatures
from pivot.model.place import Place
from pivot.model.stage import ObjectRef
from pivot.paths import ProjectPath

PLACE = Place("pivot.yaml")


class Other(str):
    """A text that is not taken for one of the usual ones."""

    __slots__ = ()


@given(
    st.text(alphabet="ab.~/-_@* \\:\0ä", max_size=12)
    | st.sampled_from([".pivot/a", "a" * 200, "a/" + "a" * 201, "a" * 256, "a/b/c.txt", "a//", "ä" * 128]),
    st.sampled_from([".", "sub", "sub/.x", ".pivot", ".pivot/x"]),
)
def test_what_is_plainly_a_path_is_read_as_any_other_is(text, folder):
    def read(raw):
        declared = declared_by(lambda: None, None)
        draft = Draft("s", ObjectRef("m", "f"), ProjectPath(folder), PLACE, PLACE, declared, Signatures())
        return draft.path(raw, "dep", PLACE), [*map(str, draft.errors)]

    assert read(text) == read(Other(text))
