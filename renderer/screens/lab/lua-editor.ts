/**
 * The editor: CodeMirror with Lua, completion and hover from what the engine says Lua can call, the
 * policy's problem below its line, and a bar beside lines that changed. Loaded with the Lab, so
 * that the first paint does not carry it. Each file keeps its own undo history.
 */
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  type Completion,
  type CompletionContext,
  type CompletionResult,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import {
  HighlightStyle,
  StreamLanguage,
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from '@codemirror/language';
import { lua } from '@codemirror/legacy-modes/mode/lua';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { EditorState, type Extension } from '@codemirror/state';
import {
  EditorView,
  drawSelection,
  highlightActiveLine,
  highlightActiveLineGutter,
  hoverTooltip,
  keymap,
  lineNumbers,
  type Tooltip,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';
import {
  changeMarks,
  hangingIndent,
  problemMark,
  setProblem,
  setSaved,
  type EditorProblem,
} from './editor-marks.ts';
import { THEME } from './editor-theme.ts';
import type { Found, LuaKnowledge } from './lua-knowledge.ts';

/** Keys that the window has a use for. */
const LEFT_TO_WINDOW = new Set(['Mod-Enter', 'Mod-k', 'Mod-s']);

const COLOURS = HighlightStyle.define([
  { tag: tags.keyword, class: 'syn-keyword' },
  { tag: [tags.string, tags.special(tags.string)], class: 'syn-string' },
  { tag: [tags.number, tags.atom, tags.bool], class: 'syn-number' },
  { tag: [tags.function(tags.variableName), tags.standard(tags.variableName)], class: 'syn-name' },
  { tag: tags.comment, class: 'syn-comment' },
]);

export interface LuaEditorOptions {
  readonly onchange: (path: string, text: string) => void;
  /** Null while it is not known. */
  readonly knowledge: () => LuaKnowledge | null;
}

export class LuaEditor {
  readonly #options: LuaEditorOptions;
  readonly #view: EditorView;
  readonly #states = new Map<string, EditorState>();
  #path = '';

  constructor(parent: HTMLElement, options: LuaEditorOptions) {
    this.#options = options;
    this.#view = new EditorView({ parent, state: this.#stateOf('', '') });
  }

  /** Shows a file; a text other than the one there replaces it and can be undone. */
  show(path: string, text: string, saved: string): void {
    if (path !== this.#path) {
      this.#states.set(this.#path, this.#view.state);
      this.#path = path;
      this.#view.setState(this.#states.get(path) ?? this.#stateOf(path, text));
    }
    const { doc } = this.#view.state;
    const shown = doc.toString();
    if (shown !== text) this.#view.dispatch({ changes: differenceOf(shown, text) });
    this.#view.dispatch({ effects: setSaved.of(saved) });
  }

  forget(path: string): void {
    this.#states.delete(path);
  }

  showProblem(problem: EditorProblem | null): void {
    this.#view.dispatch({ effects: setProblem.of(problem) });
  }

  /** Puts the caret on a line and shows it in the middle. */
  goTo(line: number): void {
    const { doc } = this.#view.state;
    const { from } = doc.line(Math.max(1, Math.min(line, doc.lines)));
    this.#view.dispatch({
      selection: { anchor: from },
      effects: EditorView.scrollIntoView(from, { y: 'center' }),
    });
    this.focus();
  }

  focus(): void {
    this.#view.focus();
  }

  destroy(): void {
    this.#view.destroy();
  }

  #stateOf(path: string, text: string): EditorState {
    const label = path === '' ? 'Policy' : path;
    const attributes = { 'aria-label': label, spellcheck: 'false', tabindex: '0' };
    return EditorState.create({
      doc: text,
      extensions: [
        EditorView.contentAttributes.of(attributes),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) this.#options.onchange(this.#path, update.state.doc.toString());
        }),
        basics(),
        autocompletion({ override: [(context) => this.#complete(context)], icons: false }),
        hoverTooltip((view, pos) => this.#hover(view, pos)),
        problemMark,
        changeMarks,
        hangingIndent,
        THEME,
      ],
    });
  }

  #complete(context: CompletionContext): CompletionResult | null {
    const before = context.state.sliceDoc(0, context.pos);
    const found = this.#options.knowledge()?.offersAt(before);
    if (!found || (context.pos === found.from && !context.explicit && !/[.:'"]$/.test(before)))
      return null;
    const options = found.offers.map(({ label, kind, detail, doc }): Completion => ({
      label,
      detail: detail.replace('->', '→'),
      type: kind,
      ...(doc !== '' && { info: () => paragraph(doc) }),
    }));
    return { from: found.from, options, validFor: /^[\w.]*$/ };
  }

  #hover(view: EditorView, pos: number): Tooltip | null {
    const line = view.state.doc.lineAt(pos);
    const before = view.state.sliceDoc(0, line.from);
    const found = this.#options.knowledge()?.nameAt(line.text, pos - line.from, before);
    if (!found) return null;
    const start = line.from + found.index;
    return {
      pos: start,
      end: start + found.length,
      above: false,
      create: () => ({ dom: docsOf(found) }),
    };
  }
}

function basics(): Extension {
  const keys = [
    ...closeBracketsKeymap,
    ...completionKeymap,
    ...defaultKeymap,
    ...historyKeymap,
    ...searchKeymap,
    indentWithTab,
  ].filter(({ key }) => key === undefined || !LEFT_TO_WINDOW.has(key));
  return [
    lineNumbers(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    history(),
    drawSelection(),
    EditorView.lineWrapping,
    indentOnInput(),
    indentUnit.of('  '),
    EditorState.tabSize.of(2),
    bracketMatching(),
    closeBrackets(),
    highlightSelectionMatches(),
    search({ top: true }),
    StreamLanguage.define(lua),
    syntaxHighlighting(COLOURS),
    keymap.of(keys),
  ];
}

/** The one change that makes `after` of `before`. */
function differenceOf(before: string, after: string): { from: number; to: number; insert: string } {
  let start = 0;
  const most = Math.min(before.length, after.length);
  while (start < most && before[start] === after[start]) start++;
  let end = 0;
  while (end < most - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  return { from: start, to: before.length - end, insert: after.slice(start, after.length - end) };
}

const EFFECTS = {
  pure: '',
  read: '',
  write: 'A run here changes a copy of what it writes, or shows the call and nothing else.',
  network: 'A run here asks nobody: a chosen or recorded answer, or a far end, stands for it.',
} as const;

function docsOf(found: Found): HTMLElement {
  const [signature, doc, effect] =
    found.kind === 'function'
      ? [found.fn.signature, found.fn.doc, EFFECTS[found.fn.effect]]
      : [
          `${found.event.name}(${found.event.args.join(', ')})${found.event.returns === '' ? '' : ` → ${found.event.returns}`}`,
          found.event.doc,
          '',
        ];
  const box = document.createElement('div');
  box.className = 'docs';
  const head = document.createElement('code');
  head.textContent = signature.replace('->', '→');
  box.append(head, paragraph(doc));
  if (effect !== '') {
    const note = paragraph(effect);
    note.className = 'effect';
    box.append(note);
  }
  return box;
}

function paragraph(text: string): HTMLElement {
  const element = document.createElement('p');
  element.textContent = text;
  return element;
}
