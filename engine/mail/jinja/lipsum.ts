/** `lipsum(n, html, min, max)`: filler text, for layouts. */
import type { Random } from '../../base/random.ts';
import type { Args } from './call.ts';
import { capitalize } from './text-filters.ts';
import { Safe } from './value.ts';
import type { Value } from './value.ts';

const WORDS =
  `a ac ad amet ante arcu at augue commodo congue cras cum curabitur cursus dapibus diam dictum
  dolor donec dui duis egestas eget elementum elit enim erat eros est et etiam eu facilisi fames
  felis fermentum fringilla fusce gravida habitant hac iaculis id imperdiet in integer ipsum justo
  lacinia lacus laoreet lectus leo libero ligula lobortis lorem luctus maecenas magna massa mattis
  mauris metus mi morbi mus nam nec neque nibh nisi nisl non nulla nunc odio orci ornare parturient
  pede pellentesque per pharetra phasellus placerat porta potenti praesent primis proin purus
  quam quis quisque rhoncus risus rutrum sagittis sapien scelerisque sed sem semper sit sociis
  sodales suspendisse tellus tempor tincidunt tortor tristique turpis ullamcorper ultrices urna ut
  varius vel velit venenatis vestibulum vitae vivamus viverra volutpat vulputate`
    .trim()
    .split(/\s+/);

export function lipsum(args: Args, random: Random): Value {
  const count = Math.min(args.integer(0, 'n') ?? 5, 1000);
  const isHtml = args.flag(1, 'html') ?? false;
  const least = args.integer(2, 'min') ?? 20;
  const most = args.integer(3, 'max') ?? 100;
  const paragraphs = Array.from({ length: count }, () => {
    const length = least + Math.floor(random.next() * Math.max(most - least, 0));
    return paragraph(length, random);
  });
  if (!isHtml) return paragraphs.join('\n\n');
  return new Safe(paragraphs.map((p) => `<p>${p}</p>`).join('\n\n'));
}

function paragraph(length: number, random: Random): string {
  let text = '';
  let toComma = 3 + Math.floor(random.next() * 5);
  let toStop = 10 + Math.floor(random.next() * 10);
  let isStart = true;
  for (let i = 0; i < length; i++) {
    const word = WORDS[Math.floor(random.next() * WORDS.length)] ?? '';
    text += (text === '' ? '' : ' ') + (isStart ? capitalize(word) : word);
    isStart = false;
    if (--toStop === 0) {
      text += '.';
      isStart = true;
      toStop = 10 + Math.floor(random.next() * 10);
    } else if (--toComma === 0) {
      text += ',';
      toComma = 3 + Math.floor(random.next() * 5);
    }
  }
  return text.replace(/[.,]?$/, '.');
}
