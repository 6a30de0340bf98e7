import assert from 'node:assert/strict';
import { test } from 'node:test';

import { progressOf } from '../dag/progress.js';
import { ranksOf } from '../dag/ranks.js';
import type { Edge } from '../protocol.js';

function edge(upstream: string, downstream: string): Edge {
  return { upstream, downstream };
}

const PARTS = Array.from({ length: 200 }, (_, index) => `part${index}`);

void test('a broad rank stands in several columns, in the order of the pipeline', () => {
  const edges = PARTS.flatMap(part => [edge('load', part), edge(part, 'merge')]);
  const ranks = ranksOf(['load', ...PARTS, 'merge'], edges);
  assert.deepEqual(ranks[0]?.ids, ['load']);
  assert.deepEqual(ranks.at(-1)?.ids, ['merge']);
  assert.deepEqual(
    ranks.slice(1, -1).flatMap(rank => rank.ids),
    PARTS
  );
  assert.ok(ranks.every(rank => rank.ids.length <= 24));
});

void test('what is read late stands beside its first reader, and chains go straight', () => {
  const edges = [edge('a', 'b'), edge('b', 'c'), edge('c', 'd'), edge('settings', 'd'), edge('x', 'y'), edge('y', 'z')];
  const ranks = ranksOf(['a', 'b', 'c', 'd', 'settings', 'x', 'y', 'z'], edges);
  assert.deepEqual(
    ranks.map(rank => [...rank.ids].sort()),
    [['a', 'x'], ['b', 'y'], ['c', 'settings', 'z'], ['d']]
  );
  const at = new Map(ranks.flatMap(rank => rank.ids.map((id, index) => [id, rank.at[index] ?? -1])));
  for (const [one, other] of [
    ['a', 'b'],
    ['x', 'y']
  ] as const) {
    assert.ok(Math.abs((at.get(one) ?? 0) - (at.get(other) ?? 9)) < 0.5, `${one} ${at.get(one)} ${other} ${at.get(other)}`);
  }
  for (const rank of ranks) {
    rank.at.slice(1).forEach((place, index) => {
      assert.ok(place - (rank.at[index] ?? 0) > 0.999);
    });
  }
});

for (const [progress, words] of [
  [null, ''],
  [{ done: 3, total: 10, text: '', failed: 0 }, '3 of 10'],
  [{ done: 12, total: 10, text: 'epoch', failed: 0 }, 'epoch 12 of 10'],
  [{ done: 5, total: 6, text: 'items', failed: 1 }, 'items 5 of 6, 1 failed'],
  [{ done: 2.5, total: 10, text: '', failed: 0 }, '25 %'],
  [{ done: 12_000_000, total: 10_000_000, text: 'weights.bin', failed: 0 }, 'weights.bin 100 %'],
  [{ done: 37, total: null, text: '', failed: 0 }, '37 done'],
  [{ done: 0, total: null, text: 'attempt 1 of 3 failed', failed: 0 }, 'attempt 1 of 3 failed']
] as const) {
  void test(`progress in words: ${words}`, () => {
    assert.equal(progressOf(progress), words);
  });
}
