import assert from 'node:assert/strict';
import { test } from 'node:test';

import { badgeOf } from '../badge.js';
import { fold, foldable } from '../dag/fold.js';
import { boxSize, layout } from '../dag/layout.js';
import { waysOf } from '../dag/ways.js';
import type { Edge, StageView, StateName } from '../protocol.js';

function stage(name: string, state: StateName = 'cached'): StageView {
  const group = name.split('@')[0] ?? name;
  return { name, group, state, icon: '●', phrase: state, reason: '', progress: null, seconds: null };
}

function edge(upstream: string, downstream: string): Edge {
  return { upstream, downstream };
}

const VARIANTS = Array.from({ length: 12 }, (_, index) => stage(`fit@${index}`, index < 3 ? 'run' : 'cached'));

void test('many variants are one box that counts states, the one that wants attention first', () => {
  const stages = [stage('clean'), ...VARIANTS];
  const edges = VARIANTS.map(({ name }) => edge('clean', name));
  const folded = fold(stages, edges, foldable(stages));
  assert.deepEqual(
    folded.boxes.map(({ id, state, phrase }) => [id, state, phrase]),
    [
      ['clean', 'cached', 'cached'],
      ['fit', 'run', '3 will run, 9 cached']
    ]
  );
  assert.deepEqual(folded.edges, [edge('clean', 'fit')]);
});

void test('few variants are boxes of their own', () => {
  assert.equal(foldable([stage('fit@a'), stage('fit@b')]).size, 0);
});

for (const [kind, count] of [
  ['dagre', 40],
  ['ranks alone', 400]
] as const) {
  for (const downward of [false, true]) {
    void test(`no two boxes of ${count} overlap, and edges go forward (${kind}, ${downward ? 'down' : 'right'})`, () => {
      const ids = Array.from({ length: count }, (_, index) => `s${index}`);
      const edges = ids.slice(1).map((id, index) => edge(`s${Math.floor(index / 3)}`, id));
      const found = layout(ids, edges, downward);
      const size = boxSize(downward);
      const places = [...found.boxes.values()];
      assert.equal(places.length, count);
      for (const [index, one] of places.entries()) {
        assert.ok(one.x >= 0 && one.y >= 0 && one.x + size.width <= found.width && one.y + size.height <= found.height);
        for (const other of places.slice(index + 1)) {
          const apart = Math.abs(one.x - other.x) >= size.width || Math.abs(one.y - other.y) >= size.height;
          assert.ok(apart, `${JSON.stringify(one)} ${JSON.stringify(other)}`);
        }
      }
      const along = downward ? 'y' : 'x';
      for (const { upstream, downstream } of edges) {
        assert.ok((found.boxes.get(upstream)?.[along] ?? 0) < (found.boxes.get(downstream)?.[along] ?? 0));
      }
    });
  }
}

void test('variants stand in the order of the pipeline', () => {
  const ids = ['clean', ...VARIANTS.map(({ name }) => name), 'report'];
  const edges = VARIANTS.flatMap(({ name }) => [edge('clean', name), edge(name, 'report')]);
  assert.deepEqual(layout(ids, edges, false).ranks[1], ids.slice(1, -1));
});

void test('the ways of a box are all that leads to it and all that it leads to', () => {
  const edges = [edge('a', 'b'), edge('b', 'c'), edge('x', 'c'), edge('a', 'y')];
  assert.deepEqual([...waysOf('b', edges).boxes].sort(), ['a', 'b', 'c']);
  assert.deepEqual([...waysOf('b', edges).edges], [edges[0], edges[1]]);
});

void test('a badge tells of a stage, of those that use a helper, and of text that was not run', () => {
  const stages = new Map([['clean', stage('clean', 'run')]]);
  const cell = { cell: '1', stages: ['clean'], used_by: [], text: 'def clean(): ...' };
  assert.equal(badgeOf(cell, cell.text, stages)?.text, 'run');
  assert.equal(badgeOf(cell, 'def clean(): 1', stages)?.kind, 'edited');
  const helper = { cell: '2', stages: [], used_by: ['clean'], text: 'x = 1' };
  assert.equal(badgeOf(helper, 'x = 1', stages)?.text, 'used by clean');
  assert.equal(badgeOf(undefined, 'x = 1', stages), null);
  assert.equal(badgeOf(undefined, '# a comment\n%%pivot_stage\ndef f(): ...', stages)?.text, 'not run yet');
});
