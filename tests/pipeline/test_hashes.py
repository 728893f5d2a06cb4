from features.hashes import hash_of, hash_of_file, hash_of_sources


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


def test_hash_of_sources_changes_with_the_code(tmp_path):
    package = tmp_path / "package"
    (package / "inner").mkdir(parents=True)
    (package / "a.py").write_text("A = 1\n")
    (package / "inner" / "b.py").write_text("B = 1\n")
    seen = [hash_of_sources(package)]
    (package / "notes.txt").write_text("no code")
    assert hash_of_sources(package) == seen[0]
    (package / "inner" / "b.py").write_text("B = 2\n")
    seen.append(hash_of_sources(package))
    (package / "c.py").write_text("")
    seen.append(hash_of_sources(package))
    (package / "c.py").rename(package / "d.py")
    seen.append(hash_of_sources(package))
    (package / "d.py").unlink()
    (package / "inner" / "b.py").write_text("B = 1\n")
    assert len(set(seen)) == len(seen)
    assert hash_of_sources(package) == seen[0]
