"""The columns of result files that one stage writes and another reads back."""

MOMENTS = {
    "mean_predicted": "mean_x",
    "mean_annotated": "mean_y",
    "var_predicted": "var_x",
    "var_annotated": "var_y",
    "covariance": "cov",
}
"""Columns of an item's moments in videos/<model>.csv, and what `models.metrics.Moments` calls them.
"""
