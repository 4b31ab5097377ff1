#!/usr/bin/env python3
"""Times igraph's personalised PageRank on a web that the bench `speed` wrote (rivals/igraph.rs says how).

Prints lines of igraph's version, what was measured and seconds of each run, separated by tabs. PRPACK runs on one thread.
"""

import array
import sys
import time

import igraph

DAMPING = 0.7
RUNS = 3

with open(sys.argv[1], "rb") as file:
    head = array.array("Q")
    head.fromfile(file, 3)
    keys, edges, roots = head
    resets = array.array("Q")
    resets.fromfile(file, roots)
    ends = array.array("q")
    ends.fromfile(file, 2 * edges)
    weights = array.array("d")
    weights.fromfile(file, edges)
if sys.byteorder != "little":
    for numbers in (head, resets, ends, weights):
        numbers.byteswap()

graph = igraph.Graph(n=keys, edges=memoryview(ends).cast("B").cast("q", (edges, 2)), directed=True)
graph.es["weight"] = weights.tolist()
for what, weight in (("personalised PageRank, damping .7, PRPACK", "weight"), ("the same without weights", None)):
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        graph.personalized_pagerank(
            directed=True,
            damping=DAMPING,
            reset_vertices=resets.tolist(),
            weights=weight,
            implementation="prpack",
        )
        times.append(time.perf_counter() - start)
    print(igraph.__version__, what, *times, sep="\t")
