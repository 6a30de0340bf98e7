"""The page on stages of Flowdapt's guide: stages that run for each item of a list."""

import pytest

from pivot.model.event import Outcome
from tests.workflows.seed.conftest import block

GRID = """\
from typing import Any


class Grid(list):
    \"""As much of a DataFrame as the page uses.\"""

    def to_dict(self, orient):
        return list(self)


def get_city_grid(n_cities, neighbors, path):
    return Grid({"city": city, "neighbors": neighbors} for city in ["Oslo", "Rome", "Cairo"][:n_cities])
"""
CONFIG = """
config: config.yaml
"""
DATA_CONFIG = (
    "data_config: {n_cities: 2, neighbors: 1, city_data_path: cities.csv}\nstudy_identifier: weather\n"
)
RAN, UNCHANGED = Outcome.RAN, Outcome.UNCHANGED


def cities(flows, fetch):
    """The workflow of the cities; the page leaves out one function and the grid."""
    flows.write("build_features.yaml", block("build_features.yaml"), CONFIG)
    flows.write("config.yaml", DATA_CONFIG)
    process = "\ndef process_city_data(data):\n    return data and data.upper()\n"
    flows.write("flowdapt_nowcast_plugin/stages.py", GRID, block("create_city_list.py"), fetch, process)


def test_the_cities_each_run_for_themselves_once_the_quote_of_the_page_is_closed(flows):
    """The page's ``print(f"Fetching data for {city})`` lacks its closing quote."""
    cities(flows, block("fetch_city_data.py").replace("{city})", '{city}")'))
    assert set(flows.run("build_features.yaml").values()) == {RAN}
    records = [{"city": "Oslo", "neighbors": 1}, {"city": "Rome", "neighbors": 1}]
    assert flows.value("build_features.yaml", "create_city_list") == records
    told = flows.log("build_features.yaml", "fetch_city_data")
    assert "Fetching data for Oslo" in told
    assert "Fetching data for Rome" in told
    assert flows.value("build_features.yaml", "process_city_data") == [None, None]


def test_two_mapped_stages_in_a_row_run_for_new_items_only(flows):
    fetch = block("fetch_city_data.py").replace("{city})", '{city}")')
    cities(flows, fetch + '    return f"data of {city}"\n')
    flows.run("build_features.yaml")
    assert flows.value("build_features.yaml", "process_city_data") == ["DATA OF OSLO", "DATA OF ROME"]
    flows.write("config.yaml", DATA_CONFIG.replace("n_cities: 2", "n_cities: 3"))
    assert set(flows.run("build_features.yaml").values()) == {RAN}
    assert flows.value("build_features.yaml", "process_city_data")[2] == "DATA OF CAIRO"
    told = flows.log("build_features.yaml", "fetch_city_data")
    assert "Cairo" in told
    assert "Oslo" not in told
    flows.write(
        "config.yaml", DATA_CONFIG.replace("weather", "another").replace("n_cities: 2", "n_cities: 3")
    )
    assert set(flows.run("build_features.yaml").values()) == {UNCHANGED}, "nothing reads the other key"


@pytest.mark.parametrize("said", ["map_on: payload_cities", "options: {map_on: payload_cities}"])
def test_map_on_goes_over_a_list_of_the_input(flows, said):
    flows.write(
        "fetch.yaml",
        f"""\
        kind: workflow
        metadata: {{name: fetch}}
        spec:
          stages:
          - name: fetch
            target: user_modules.testing_stuff.fetch
            type: parameterized
            {said}
        """,
    )
    flows.write("user_modules/testing_stuff.py", "def fetch(city):\n    return city.upper()\n")
    assert flows.run("fetch.yaml", payload_cities=["Oslo", "Rome"]) == {"fetch": RAN}
    assert flows.value("fetch.yaml", "fetch", payload_cities=["Oslo", "Rome"]) == ["OSLO", "ROME"]
