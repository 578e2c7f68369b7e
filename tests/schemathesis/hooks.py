"""What schemathesis cannot make up: files that are a care plan. `run.py` names them in `ENGAWA_CAREPLAN`, one ZIP for each caller."""

import os
from pathlib import Path

import schemathesis


@schemathesis.hook
def before_add_examples(context, examples):
    operation = context.operation
    if operation.definition.raw.get("operationId") != "careplans_submit":
        return
    plan = Path(os.environ["ENGAWA_CAREPLAN"])
    examples.append(
        operation.Case(
            headers={"Idempotency-Key": plan.stem},
            body={"file": [plan.read_bytes()]},
            media_type="multipart/form-data",
        )
    )
