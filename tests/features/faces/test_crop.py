import numpy as np
import pytest

from features.faces.crop import crop_face


def test_crop_is_square_with_margin():
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[50:150, 100:180] = 200  # 100 high, 80 wide, its centre at (140, 100)
    box = np.array([100, 50, 180, 150], np.float32)
    crop = crop_face(picture, box, margin=0.0, size=96)
    assert (crop.shape, crop.dtype) == ((96, 96, 3), np.uint8)
    assert crop.mean() == pytest.approx(200 * 0.8, rel=0.02)
    wider = crop_face(picture, box, margin=0.5, size=96)
    assert wider.mean() == pytest.approx(200 * 0.2, rel=0.02)
    np.testing.assert_allclose(wider.mean(axis=(1, 2)), wider.mean(axis=(1, 2))[::-1], atol=8)


def test_crop_over_the_border_repeats_it():
    picture = np.full((100, 100, 3), 50, np.uint8)
    picture[:, :50] = 150
    crop = crop_face(picture, np.array([-50, -20, 50, 80], np.float32), margin=0.0, size=96)
    assert (crop == 150).all()


@pytest.mark.parametrize("box", [[10, 10, 10, 10], [500, 500, 600, 600]])
def test_crop_of_an_odd_box(box):
    picture = np.full((100, 100, 3), 77, np.uint8)
    crop = crop_face(picture, np.array(box, np.float32), margin=0.2, size=96)
    assert (crop == 77).all()
