/**
 * `kumo.file_type.*`: kinds of files by their first bytes, their extension or their media type. The
 * common kinds of attachments; what is not among them is nil.
 *
 * Source: IANA media types; the signatures are those of the formats' specifications.
 */
import type { HostFunction } from '../lua/host-function.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { Bindings } from './bindings.ts';

interface FileType {
  readonly name: string;
  readonly extensions: readonly string[];
  readonly mediaTypes: readonly string[];
  /** Hex at an offset; `?` stands for any digit. */
  readonly signatures: readonly (readonly [offset: number, hex: string])[];
}

const type = (
  name: string,
  extensions: string,
  mediaTypes: string,
  ...signatures: readonly (readonly [number, string])[]
): FileType => ({
  name,
  extensions: extensions.split(' '),
  mediaTypes: mediaTypes.split(' '),
  signatures,
});

const FILE_TYPES: readonly FileType[] = [
  type('Portable Network Graphics', 'png', 'image/png', [0, '89504e470d0a1a0a']),
  type('JPEG', 'jpg jpeg', 'image/jpeg', [0, 'ffd8ff']),
  type('Graphics Interchange Format', 'gif', 'image/gif', [0, '474946383761'], [0, '474946383961']),
  type('WebP', 'webp', 'image/webp', [0, '52494646????????57454250']),
  type('Bitmap', 'bmp', 'image/bmp', [0, '424d']),
  type('Tagged Image File Format', 'tif tiff', 'image/tiff', [0, '49492a00'], [0, '4d4d002a']),
  type('Icon', 'ico', 'image/vnd.microsoft.icon image/x-icon', [0, '00000100']),
  type('Portable Document Format', 'pdf', 'application/pdf', [0, '255044462d']),
  type('Rich Text Format', 'rtf', 'application/rtf text/rtf', [0, '7b5c727466']),
  type('Gzip', 'gz', 'application/gzip', [0, '1f8b']),
  type('Bzip2', 'bz2', 'application/x-bzip2', [0, '425a68']),
  type('XZ', 'xz', 'application/x-xz', [0, 'fd377a585a00']),
  type('Zstandard', 'zst', 'application/zstd', [0, '28b52ffd']),
  type('7-Zip', '7z', 'application/x-7z-compressed', [0, '377abcaf271c']),
  type('RAR', 'rar', 'application/vnd.rar', [0, '526172211a07']),
  type('Tar', 'tar', 'application/x-tar', [257, '7573746172']),
  type('MPEG-4', 'mp4', 'video/mp4', [4, '66747970']),
  type('Matroska', 'mkv webm', 'video/x-matroska video/webm', [0, '1a45dfa3']),
  type('MP3', 'mp3', 'audio/mpeg', [0, '494433'], [0, 'fffb']),
  type('Ogg', 'ogg oga ogv', 'application/ogg audio/ogg video/ogg', [0, '4f676753']),
  type('Waveform Audio', 'wav', 'audio/vnd.wave audio/wav', [0, '52494646????????57415645']),
  type('FLAC', 'flac', 'audio/flac', [0, '664c6143']),
  type('Compound File Binary', 'doc xls ppt msg', 'application/x-cfb', [0, 'd0cf11e0a1b11ae1']),
  type('Windows Executable', 'exe dll', 'application/vnd.microsoft.portable-executable', [
    0,
    '4d5a',
  ]),
  type('Executable and Linkable Format', 'elf', 'application/x-elf', [0, '7f454c46']),
  type('Zip', 'zip', 'application/zip', [0, '504b0304'], [0, '504b0506']),
  type(
    'Office Open XML Document',
    'docx',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  ),
  type(
    'Office Open XML Workbook',
    'xlsx',
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  ),
  type(
    'Office Open XML Presentation',
    'pptx',
    'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  ),
  type('Scalable Vector Graphics', 'svg', 'image/svg+xml'),
  type('HyperText Markup Language', 'html htm', 'text/html'),
  type('Cascading Style Sheets', 'css', 'text/css'),
  type('JavaScript', 'js mjs', 'text/javascript'),
  type('JSON', 'json', 'application/json'),
  type('XML', 'xml', 'application/xml text/xml'),
  type('Comma-Separated Values', 'csv', 'text/csv'),
  type('iCalendar', 'ics', 'text/calendar'),
  type('vCard', 'vcf', 'text/vcard'),
  type('Internet Message', 'eml', 'message/rfc822'),
  type('Plain Text', 'txt text', 'text/plain'),
];

export function fileTypeBindings(): Bindings {
  const finder = (signature: string, doc: string, run: HostFunction['run']): HostFunction => ({
    effect: 'pure',
    signature,
    doc,
    run,
  });
  return {
    modules: [
      {
        path: ['kumo', 'file_type'],
        functions: {
          from_bytes: finder(
            'from_bytes(bytes) -> table?',
            'The kind of a file by its content.',
            (call) => forLua(FILE_TYPES.find((each) => hasSignature(each, call.bytes(1)))),
          ),
          from_extension: finder(
            'from_extension(extension) -> table?',
            'The kind of a file by its extension, without a dot.',
            (call) => {
              const extension = call.string(1).toLowerCase();
              return forLua(FILE_TYPES.find((each) => each.extensions.includes(extension)));
            },
          ),
          from_media_type: finder(
            'from_media_type(media_type) -> table?',
            'The kind of a file by its media type.',
            (call) => {
              const mediaType = call.string(1).toLowerCase().split(';')[0]?.trim() ?? '';
              return forLua(FILE_TYPES.find((each) => each.mediaTypes.includes(mediaType)));
            },
          ),
        },
      },
    ],
    types: [],
  };
}

function forLua(found: FileType | undefined): LuaValue {
  return found && { name: found.name, extensions: found.extensions, media_types: found.mediaTypes };
}

function hasSignature({ signatures }: FileType, bytes: Uint8Array): boolean {
  return signatures.some(([offset, hex]) => {
    const found = Buffer.from(bytes.subarray(offset, offset + hex.length / 2)).toString('hex');
    return (
      found.length === hex.length &&
      [...hex].every((digit, i) => digit === '?' || digit === found[i])
    );
  });
}
