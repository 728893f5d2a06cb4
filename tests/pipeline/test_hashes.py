from features.hashes import hash_of, hash_of_file


def test_hash_of_depends_on_every_part_but_not_on_the_order_of_keys():
    assert hash_of(1, {"a": 1, "b": None}) == hash_of(1, {"b": None, "a": 1})
    different = [hash_of(*parts) for parts in [(1, 2), (12,), ("1", 2), ([1, 2],), (1, 2, None)]]
    assert len(set(different)) == len(different)
    assert len(hash_of()) == 64


def test_hash_of_file_depends_on_the_content_alone(tmp_path):
    one, two = tmp_path / "one.mp4", tmp_path / "two.mp4"
    one.write_bytes(b"same")
    two.write_bytes(b"same")
    before = hash_of_file(one)
    assert before == hash_of_file(two)
    two.write_bytes(b"sam3")
    assert hash_of_file(two) != before
