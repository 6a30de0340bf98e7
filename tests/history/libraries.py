"""The libraries whose history is walked, and small calls of their public functions, one stage for each."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Library:
    """A library of pure Python that is taken as a project's own code.

    Attributes:
        versions: successive releases, oldest first; all have wheels and can be imported on every Python we support.
        calls: expressions that give plain data, the same each time; their functions exist in all the releases.
        imports: at the top of the stages, if not the package; ``None``: each stage imports the submodules that it names.
    """

    distribution: str
    package: str
    versions: tuple[str, ...]
    calls: tuple[str, ...]
    imports: str | None = ""

    def stages(self) -> str:
        """The text of `stages.py`: one function for each call."""
        lines = ["" if self.imports is None else self.imports or f"import {self.package}", ""]
        for number, call in enumerate(self.calls):
            lines += ["", f"def {self.stage(number)}():", *self._imports(call), f"    return {call}", ""]
        return "\n".join(lines)

    def _imports(self, call: str) -> list[str]:
        """What a call needs of a package whose ``__init__`` imports nothing, and no more, as a person would write it."""
        if self.imports is not None:
            return []
        modules = sorted(set(re.findall(r"\b(\w+utils)\.", call)))
        return [f"    from {self.package} import {module}" for module in modules]

    def stage(self, number: int) -> str:
        """The name of the stage of a call: its number, and the first function that it calls."""
        found = re.search(r"(\w+)\(", re.sub(r"^(?:list|sorted|map)\(", "", self.calls[number]))
        assert found is not None, self.calls[number]
        return f"stage_{number}_{found[1]}"


def dense(*numbers: str) -> tuple[str, ...]:
    """Version numbers, written with spaces."""
    return tuple(version for line in numbers for version in line.split())


MORE_ITERTOOLS = Library(
    "more-itertools",
    "more_itertools",
    dense(
        "6.0.0 7.0.0 7.1.0 7.2.0 8.0.0 8.0.1 8.0.2 8.1.0 8.2.0 8.3.0 8.4.0 8.5.0 8.6.0 8.7.0 8.8.0 8.9.0",
        "8.10.0 8.12.0 8.13.0 8.14.0 9.0.0 9.1.0 10.0.0 10.1.0 10.2.0 10.3.0 10.4.0 10.5.0 10.6.0 10.7.0 10.8.0",
        "11.0.0 11.0.1 11.0.2 11.1.0 11.2.0 11.2.1",
    ),
    (
        "list(more_itertools.chunked(range(10), 3))",
        "list(more_itertools.windowed(range(7), 3, step=2))",
        "list(more_itertools.collapse([1, [2, [3, 'ab']], (4,)]))",
        "more_itertools.first([], 5), more_itertools.first('xy')",
        "list(more_itertools.intersperse(0, [1, 2, 3]))",
        "[list(part) for part in more_itertools.divide(3, range(8))]",
        "[list(part) for part in more_itertools.distribute(2, range(7))]",
        "list(more_itertools.sliced('abcdefgh', 3))",
        "list(more_itertools.split_at('abxcdx', lambda c: c == 'x'))",
        "list(more_itertools.stagger(range(4)))",
        "sorted(more_itertools.distinct_permutations([1, 0, 1]))",
        "list(more_itertools.locate([0, 1, 1, 0]))",
        "more_itertools.sort_together([(3, 1, 2), 'abc'])",
        "list(more_itertools.adjacent(lambda x: x == 3, range(6)))",
        "[list(g) for g in more_itertools.consecutive_groups([1, 2, 4, 5, 9])]",
        "more_itertools.peekable([1, 2, 3]).peek(), list(more_itertools.peekable('ab'))",
        "sorted(more_itertools.map_reduce(range(9), lambda x: x % 3, reducefunc=sum).items())",
        "list(more_itertools.run_length.encode('aabccc')), more_itertools.ilen(x for x in range(5))",
        "list(more_itertools.unique_everseen('AAbBa', str.lower))",
        "list(more_itertools.interleave_longest([1, 2], [3], [4, 5, 6]))",
        "[more_itertools.one([7]), more_itertools.exactly_n([1, 0, 1], 2)]",
        "list(more_itertools.powerset([1, 2, 3]))",
        "list(more_itertools.roundrobin('ABC', 'D', 'EF'))",
        "[list(x) for x in more_itertools.partition(lambda n: n % 2, range(6))]",
        "list(more_itertools.padded([1, 2], 0, 5)), more_itertools.nth('abc', 1)",
        "list(more_itertools.numeric_range(1, 10, 4))",
        "more_itertools.seekable(range(5)).__class__.__name__, more_itertools.all_equal([1, 1])",
        "more_itertools.quantify([True, False, True]), list(more_itertools.pairwise('abc'))",
    ),
)

BOLTONS = Library(
    "boltons",
    "boltons",
    dense(
        "19.0.0 19.0.1 19.1.0 19.2.0 19.3.0 20.0.0 20.1.0 20.2.0 20.2.1 21.0.0 23.0.0 23.1.0 23.1.1 24.0.0 24.1.0 25.0.0 26.0.0 26.1.0 26.2.0",
    ),
    (
        "iterutils.chunked(range(7), 3), list(iterutils.windowed('abcd', 2))",
        "iterutils.remap({'a': [1, None], 'b': {'c': None}}, lambda p, k, v: v is not None)",
        "iterutils.unique('abcab'), iterutils.bucketize(range(5), lambda n: n % 2)",
        "iterutils.split(['a', None, 'b'], None), iterutils.partition('aBc', str.isupper)",
        "list(iterutils.backoff_iter(1, 10)), iterutils.get_path({'a': [1, {'b': 2}]}, ('a', 1, 'b'))",
        "strutils.slugify('First post! Hi!!!'), strutils.camel2under('BasicParseTest')",
        "strutils.bytes2human(128991), strutils.ordinalize(3), strutils.cardinalize('wish', 2)",
        "strutils.format_int_list([1, 3, 5, 6, 7]), strutils.parse_int_list('1,3,5-8')",
        "strutils.html2text('<b>bold</b> word'), strutils.find_hashtags('#a b')",
        "list(dictutils.OMD([('a', 1), ('b', 2), ('a', 3)]).items(multi=True))",
        "setutils.IndexedSet('aabc').index('b'), list(setutils.IndexedSet([3, 1]) | {2})",
        "cacheutils.LRU(max_size=2, values={'a': 1}).get('a')",
        "mathutils.clamp(5, 0, 3), mathutils.ceil(2.2, [1, 3, 9])",
        "timeutils.parse_timedelta('2h 5m').total_seconds()",
        "funcutils.wraps(len)(lambda obj: 3)('abc')",
        "tableutils.Table.from_data([['a', 'b'], [1, 2]]).to_text()",
        "statsutils.mean([1, 2, 6]), statsutils.Stats(range(9)).median",
        "urlutils.URL('http://a.b/c?d=e').to_text(), urlutils.parse_url('ftp://x:1/y')['port']",
        "list(listutils.BList(range(5)))",
        "queueutils.HeapPriorityQueue().peek(default=2)",
        "formatutils.infer_positional_format_args('{} {a} {}')",
        "namedutils.namedlist('Point', 'x y')(1, 2).x",
    ),
    imports=None,
)

TOOLZ = Library(
    "toolz",
    "toolz",
    dense("0.11.0 0.11.1 0.11.2 0.12.0 0.12.1 1.0.0 1.1.0 1.2.0"),
    (
        "toolz.groupby(len, ['a', 'bb', 'cc'])",
        "toolz.curry(lambda a, b: a + b)(1)(2)",
        "toolz.pipe(3, str, len)",
        "toolz.merge_with(sum, {1: 1}, {1: 2})",
        "list(toolz.sliding_window(2, range(4)))",
        "list(toolz.partition_all(2, range(5)))",
        "toolz.valmap(str, {1: 2})",
        "toolz.get_in(['a', 0], {'a': [1]})",
        "toolz.reduceby(len, lambda a, b: a + b, ['a', 'b', 'cc'], '')",
        "toolz.compose(str, len)('abc')",
        "list(toolz.unique([1, 2, 1])), list(toolz.interleave(['ab', 'cd']))",
        "list(toolz.join(len, ['a', 'bb'], len, ['c', 'dd']))",
        "toolz.assoc_in({}, ['a', 'b'], 1), toolz.dissoc({1: 2}, 1)",
        "toolz.memoize(len)('abc'), toolz.juxt(min, max)([1, 2])",
        "list(toolz.diff([1, 2], [1, 3])), toolz.topk(2, [3, 1, 2])",
    ),
)

SORTEDCONTAINERS = Library(
    "sortedcontainers",
    "sortedcontainers",
    dense("2.1.0 2.2.0 2.2.1 2.2.2 2.3.0 2.4.0"),
    (
        "list(sortedcontainers.SortedList([3, 1, 2]))",
        "sortedcontainers.SortedList('cab').bisect_left('b')",
        "list(sortedcontainers.SortedList(range(9)).irange(2, 5))",
        "list(sortedcontainers.SortedDict(b=1, a=2))",
        "sortedcontainers.SortedDict({1: 2, 0: 3}).popitem()",
        "list(sortedcontainers.SortedSet([3, 1, 3]) | {2})",
        "sortedcontainers.SortedSet('ba').index('b')",
        "list(sortedcontainers.SortedDict({2: 1, 1: 2}).items())",
    ),
)

INFLECTION = Library(
    "inflection",
    "inflection",
    dense("0.4.0 0.5.0 0.5.1"),
    (
        "inflection.pluralize('post'), inflection.pluralize('octopus')",
        "inflection.singularize('mice')",
        "inflection.camelize('device_type', False)",
        "inflection.underscore('DeviceType')",
        "inflection.humanize('author_id')",
        "inflection.titleize('man from the boondocks')",
        "inflection.parameterize('Donald E. Knuth')",
        "inflection.tableize('RawScaledScorer')",
        "inflection.ordinalize(1002)",
        "inflection.dasherize('puni_puni')",
    ),
)

NETWORKX = Library(
    "networkx",
    "networkx",
    dense(
        "2.6.2 2.6.3 2.7 2.7.1 2.8 2.8.1 2.8.2 2.8.3 2.8.4 2.8.5 2.8.6 2.8.7 2.8.8 3.0 3.1 3.2 3.2.1",
        "3.3 3.4 3.4.1 3.4.2 3.5 3.6 3.6.1",
    ),
    (
        "nx.shortest_path(nx.cycle_graph(6), 0, 2)",
        "sorted(nx.connected_components(nx.path_graph(3)), key=len)",
        "list(nx.topological_sort(nx.DiGraph([(1, 2), (2, 3)])))",
        "sorted(nx.betweenness_centrality(nx.star_graph(3)).items())",
        "sorted(nx.minimum_spanning_tree(nx.complete_graph(4)).edges)",
        "nx.is_bipartite(nx.cycle_graph(4))",
        "nx.dijkstra_path_length(nx.path_graph(4), 0, 3)",
        "sorted(nx.core_number(nx.complete_graph(4)).items())",
        "nx.diameter(nx.path_graph(5))",
        "list(nx.bfs_edges(nx.balanced_tree(2, 2), 0))",
        "nx.maximum_flow_value(nx.DiGraph([(0, 1, {'capacity': 3})]), 0, 1)",
        "sorted(map(sorted, nx.find_cliques(nx.complete_graph(3))))",
        "nx.node_link_data(nx.path_graph(2))['nodes']",
        "nx.transitivity(nx.complete_graph(4)), nx.density(nx.path_graph(3))",
        "sorted(nx.greedy_color(nx.path_graph(3)).items())",
        "nx.is_isomorphic(nx.path_graph(3), nx.star_graph(2))",
    ),
    imports="import networkx as nx",
)

QUICK = (MORE_ITERTOOLS, BOLTONS)
"""Enough for every run of the suite."""

ALL = (*QUICK, TOOLZ, SORTEDCONTAINERS, INFLECTION, NETWORKX)
