"""The Zarr stores between stages: layout, writing, reading."""
