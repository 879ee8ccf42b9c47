"""Times Flower's own client code for masks: each neighbour's is expanded for the whole vector and added.

Prints its versions, then answers each line "length neighbours" with nanoseconds of processor
time. The calls and the types are those of flwr/client/mod/secure_aggregation/secaggplus_mod.py.
"""

import json
import sys
import time
from importlib.metadata import version

import numpy as np
from flwr.common.secure_aggregation.ndarrays_arithmetic import parameters_addition
from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen

print(
    json.dumps({"flwr": version("flwr"), "numpy": np.__version__, "python": sys.version.split()[0]}),
    flush=True,
)

MODULUS = 2**32
vectors = {}
for line in sys.stdin:
    length, neighbours = map(int, line.split())
    # generate_shared_key gives 44 bytes of base64.
    keys = [bytes((7 * at + index) % 256 for index in range(44)) for at in range(neighbours)]
    quantized = vectors.setdefault(length, [np.arange(length, dtype=np.int64)])
    began = time.process_time_ns()
    for key in keys:
        mask = pseudo_rand_gen(key, MODULUS, [(length,)])
        quantized = parameters_addition(quantized, mask)
    print(time.process_time_ns() - began, flush=True)
