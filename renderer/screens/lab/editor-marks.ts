/**
 * Marks in the editor: the policy's problem under its line in words, and a bar beside the lines that
 * are not as they are on disk.
 */
import { RangeSet, StateEffect, StateField, type EditorState, type Text } from '@codemirror/state';
import {
  Decoration,
  EditorView,
  GutterMarker,
  ViewPlugin,
  WidgetType,
  gutter,
  gutterLineClass,
  type DecorationSet,
  type ViewUpdate,
} from '@codemirror/view';
import { changedLines } from './line-changes.ts';

export interface EditorProblem {
  /** From 1; null: it is about the file as a whole. */
  readonly line: number | null;
  readonly message: string;
}

export const setProblem = StateEffect.define<EditorProblem | null>();
export const setSaved = StateEffect.define<string>();

class ProblemText extends WidgetType {
  readonly #message: string;

  constructor(message: string) {
    super();
    this.#message = message;
  }

  override eq(other: ProblemText): boolean {
    return other.#message === this.#message;
  }

  override toDOM(): HTMLElement {
    const element = document.createElement('div');
    element.className = 'problem-text';
    element.setAttribute('role', 'note');
    element.textContent = this.#message;
    return element;
  }
}

class ProblemNumber extends GutterMarker {
  override elementClass = 'problem-number';
}
const PROBLEM_NUMBER = new ProblemNumber();
const PROBLEM_LINE = Decoration.line({ class: 'problem-line' });

interface Shown {
  readonly text: DecorationSet;
  readonly numbers: RangeSet<GutterMarker>;
}
const NOTHING: Shown = { text: Decoration.none, numbers: RangeSet.empty };

/** Moves with its line while the text changes, until the next check speaks. */
const problemField = StateField.define<Shown>({
  create: () => NOTHING,
  update(shown, transaction) {
    const effect = transaction.effects.find((each) => each.is(setProblem));
    if (effect) return shownAt(transaction.state.doc, effect.value as EditorProblem | null);
    if (!transaction.docChanged) return shown;
    return {
      text: shown.text.map(transaction.changes),
      numbers: shown.numbers.map(transaction.changes),
    };
  },
  provide: (field) => [
    EditorView.decorations.from(field, ({ text }) => text),
    gutterLineClass.compute([field], (state) => state.field(field).numbers),
  ],
});

function shownAt(doc: Text, problem: EditorProblem | null): Shown {
  if (!problem || problem.line === null) return NOTHING;
  const line = doc.line(Math.max(1, Math.min(problem.line, doc.lines)));
  const widget = Decoration.widget({
    widget: new ProblemText(problem.message),
    block: true,
    side: 1,
  });
  return {
    text: Decoration.set([PROBLEM_LINE.range(line.from), widget.range(line.to)]),
    numbers: RangeSet.of([PROBLEM_NUMBER.range(line.from)]),
  };
}

export const problemMark = [problemField];

/** A line that wraps goes on below its own beginning, not at the edge. */
export const hangingIndent = ViewPlugin.fromClass(
  class {
    indents: DecorationSet;

    constructor(view: EditorView) {
      this.indents = indentsOf(view);
    }

    update(update: ViewUpdate): void {
      if (update.docChanged || update.viewportChanged) this.indents = indentsOf(update.view);
    }
  },
  { decorations: ({ indents }) => indents },
);

function indentsOf(view: EditorView): DecorationSet {
  const found = [];
  for (const { from, to } of view.visibleRanges) {
    for (let line = view.state.doc.lineAt(from); ; line = view.state.doc.line(line.number + 1)) {
      const width = (/^ */.exec(line.text)?.[0].length ?? 0) + 2;
      const style = `text-indent: -${width}ch; padding-left: calc(${width}ch + 2px)`;
      found.push(Decoration.line({ attributes: { style } }).range(line.from));
      if (line.to >= to || line.number === view.state.doc.lines) break;
    }
  }
  return Decoration.set(found);
}

class ChangeBar extends GutterMarker {
  override elementClass = 'change-bar';
}
const CHANGE_BAR = new ChangeBar();

const savedField = StateField.define<{ saved: string | null; bars: RangeSet<GutterMarker> }>({
  create: () => ({ saved: null, bars: RangeSet.empty }),
  update(field, transaction) {
    const effect = transaction.effects.find((each) => each.is(setSaved));
    const saved = effect ? (effect.value as string) : field.saved;
    if (saved === field.saved && !transaction.docChanged) return field;
    return { saved, bars: barsOf(transaction.state, saved) };
  },
});

function barsOf(state: EditorState, saved: string | null): RangeSet<GutterMarker> {
  if (saved === null) return RangeSet.empty;
  const lines = [...changedLines(saved, state.doc.toString())].filter(
    (line) => line <= state.doc.lines,
  );
  return RangeSet.of(lines.map((line) => CHANGE_BAR.range(state.doc.line(line).from)));
}

export const changeMarks = [
  savedField,
  gutter({ class: 'change-gutter', markers: (view) => view.state.field(savedField).bars }),
];
