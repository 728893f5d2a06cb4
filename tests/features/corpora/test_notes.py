from features.corpora.notes import some_of


def test_only_the_first_names_are_listed_and_an_ellipsis_says_so():
    assert some_of([]) == ""
    assert some_of("abcde") == "a, b, c, d, e"
    assert some_of(iter("abcdef")) == "a, b, c, d, e, …"
