"""Prediction for files: a function, which commands and Python call.

from pipeline.prediction import predict

table = predict("film.mp4", "lacuna").table
"""

from pipeline.prediction.run import predict, predict_all
from pipeline.prediction.table import Prediction, read_csv

__all__ = ["Prediction", "predict", "predict_all", "read_csv"]
