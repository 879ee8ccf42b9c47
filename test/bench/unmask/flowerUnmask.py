"""Times what Flower's own server code does in its unmask stage, once the shares are collected.

Prints its versions, then answers each line "length members gone threshold" with nanoseconds. The calls are those of
flwr/server/workflow/secure_aggregation/secaggplus_workflow.py, unmask_stage, on the complete graph; making the secrets and their shares is not timed.
"""

import json
import os
import sys
import time
from importlib.metadata import version

import numpy as np
from flwr.common.secure_aggregation.crypto.shamir import combine_shares, create_shares
from flwr.common.secure_aggregation.crypto.symmetric_encryption import generate_shared_key
from flwr.common.secure_aggregation.ndarrays_arithmetic import (
    get_parameters_shape,
    parameters_addition,
    parameters_subtraction,
)
from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen
from flwr.supercore.primitives.asymmetric import (
    bytes_to_private_key,
    bytes_to_public_key,
    generate_key_pairs,
    private_key_to_bytes,
    public_key_to_bytes,
)

print(
    json.dumps({"flwr": version("flwr"), "numpy": np.__version__, "python": sys.version.split()[0]}),
    flush=True,
)

MODULUS = 2**32
for line in sys.stdin:
    length, members, gone, threshold = map(int, line.split())
    survivors = members - gone
    pairs = [generate_key_pairs() for _ in range(members)]
    public = [public_key_to_bytes(pair[1]) for pair in pairs]
    collected = {}
    for nid in range(members):
        secret = os.urandom(32) if nid < survivors else private_key_to_bytes(pairs[nid][0])
        collected[nid] = create_shares(secret, threshold, members)[:survivors]
    masked_vector = [np.zeros(length, dtype=np.int64)]

    began = time.perf_counter_ns()
    for nid, share_list in collected.items():
        secret = combine_shares(share_list)
        if nid < survivors:
            private_mask = pseudo_rand_gen(secret, MODULUS, get_parameters_shape(masked_vector))
            masked_vector = parameters_subtraction(masked_vector, private_mask)
        else:
            for neighbor_nid in range(survivors):
                shared_key = generate_shared_key(
                    bytes_to_private_key(secret), bytes_to_public_key(public[neighbor_nid])
                )
                pairwise_mask = pseudo_rand_gen(
                    shared_key, MODULUS, get_parameters_shape(masked_vector)
                )
                if nid > neighbor_nid:
                    masked_vector = parameters_addition(masked_vector, pairwise_mask)
                else:
                    masked_vector = parameters_subtraction(masked_vector, pairwise_mask)
    print(time.perf_counter_ns() - began, flush=True)
