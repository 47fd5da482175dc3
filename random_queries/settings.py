"""The settings that a query runs with."""

from random_queries.draw import Draw

#: Setting → values, the likelier ones more than once.
CHOICES: dict[str, tuple[str, ...]] = {
    "spark.sql.adaptive.enabled": ("true", "true", "false"),
    "spark.sql.ansi.enabled": ("true", "false", "false"),
    "spark.sql.autoBroadcastJoinThreshold": ("10m", "-1"),
    "spark.sql.shuffle.partitions": ("1", "3", "7"),
    "spark.sql.session.timeZone": ("UTC", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe"),
    "spark.arclight.batchSize": ("8192", "8192", "100", "3"),
    # Tables are so small that rows may cost more to carry than the engine saves.
    "spark.arclight.transition.cost": ("1.0", "0", "0"),
    "spark.arclight.stageFilters.minimumScanSize": ("16m", "0"),
    "spark.arclight.test.refuseReservations": ("true", *["false"] * 9),
    "spark.arclight.test.equalHashes": ("true", *["false"] * 14),
    "spark.arclight.test.declineKernels": ("true", *["false"] * 14),
}

#: What every query runs with: a task or a query fails where the engine finds a fault of its own.
ALWAYS = {
    "spark.arclight.test.failOnDisagreement": "true",
    "spark.arclight.test.failOnLeak": "true",
    "spark.arclight.test.failOnDefect": "true",
}


def draw_settings(draw: Draw) -> dict[str, str]:
    """Settings of one query."""
    return {**{key: draw.choice(values) for key, values in CHOICES.items()}, **ALWAYS}
