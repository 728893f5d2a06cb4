"""How results are drawn: from the stages' result files to metrics, plots, figures and one page.

Names, titles and directions come from the tables of `features` and `models`; every number comes
from a result file. Each folder uses those before it: numbers, papers, figures, tables, page.
"""
