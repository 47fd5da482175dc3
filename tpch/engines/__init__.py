"""The engines by name, in the order in which reports show them."""

from tpch.engines.arclight import ArclightEngine
from tpch.engines.base import Engine
from tpch.engines.comet import CometEngine
from tpch.engines.datafusion import DataFusionEngine
from tpch.engines.duckdb import DuckDbEngine
from tpch.engines.spark import SparkEngine

ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (SparkEngine(), ArclightEngine(), CometEngine(), DataFusionEngine(),
                   DuckDbEngine())
}
