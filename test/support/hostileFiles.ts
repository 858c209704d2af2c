/** Files of up to a megabyte built to be slow or to overflow something, for tests and test/attack. */

export interface TextFile {
  readonly what: string;
  readonly name: string;
  readonly text: () => string;
}

const MEBIBYTE = 1 << 20;
const fill = (piece: string, bytes = MEBIBYTE - 1000) => piece.repeat(Math.floor(bytes / piece.length));
const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');

const SOUND = `name: slow
data: { dataset: fashion-mnist-sample, batch_size: 256 }
model: { name: resnet20 }
optimizer: { base_lr: 0.1 }
schedule: { epochs: 10 }
`;
const TIMM = 'model: resnet50\nopt: sgd\nlr: 0.1\nepochs: 90\nbatch_size: 128\n';
const MMPRETRAIN =
  "optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))\nmodel = dict(type='ImageClassifier', backbone=dict(type='ResNet', depth=50))\n";
const TORCHVISION = 'torchrun train.py --lr-scheduler steplr --lr-gamma 0.1 ';

const YAML = 'a.experiment.yaml';
const JSON_NAME = 'a.experiment.json';
const PYTHON = 'resnet50_8xb32_in1k.py';

/** Returns experiment files and files of other systems. */
export function textFiles(): TextFile[] {
  const ours: [string, string, () => string][] = [
    ['20,000 keys', YAML, () => SOUND + lines(20_000, (i) => `key${i}: 1`)],
    ['10,000 keys', YAML, () => SOUND + lines(10_000, (i) => `key${i}: 1`)],
    ['10,000 keys of a part', YAML, () => `${SOUND}tricks:\n${lines(10_000, (i) => `  k${i}: 1`)}`],
    [
      '10,000 keys that are nearly right',
      YAML,
      () => SOUND + lines(10_000, (i) => `modle${i}: { name: resnet20 }`),
    ],
    ['10,000 wrong ranges', YAML, () => `${SOUND}a: [${fill('1, ', 50_000)}]`],
    ['90,000 keys', YAML, () => SOUND + lines(90_000, (i) => `k${i}: 1`)],
    ['90,000 keys of a part', YAML, () => `${SOUND}tricks:\n${lines(80_000, (i) => `  k${i}: 1`)}`],
    ['90,000 times one key', YAML, () => SOUND + lines(90_000, () => 'key: 1')],
    ['90,000 keys in braces', YAML, () => `{${lines(80_000, (i) => `k${i}: 1,`)}}`],
    ['a list of 300,000', YAML, () => `${SOUND}list: [${fill('1, ', 900_000)}]`],
    ['500,000 lines of a list', YAML, () => `${SOUND}list:\n${fill('- 1\n')}`],
    ['500,000 empty list items', YAML, () => `list:\n${fill('-\n')}`],
    ['1,000,000 open brackets', YAML, () => fill('[')],
    ['1,000,000 open braces', YAML, () => fill('{')],
    ['1,000,000 question marks', YAML, () => fill('? ')],
    ['1,000,000 dashes in a line', YAML, () => fill('- ')],
    ['500,000 lines deeper each', YAML, () => lines(1400, (i) => `${' '.repeat(i)}a:`)],
    [
      'aliases of aliases',
      YAML,
      () => `a0: &a0 [x, x]\n${lines(60, (i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}]`)}`,
    ],
    ['100,000 aliases', YAML, () => `a: &a 1\nlist: [${fill('*a, ')}]`],
    ['60,000 anchors', YAML, () => lines(60_000, (i) => `k${i}: &n${i} 1`)],
    ['40,000 anchors and aliases', YAML, () => lines(30_000, (i) => `k${i}: &n${i} 1\nm${i}: *n${i}`)],
    ['50,000 merges', YAML, () => `a: &a {b: 1}\nc:\n${fill('  <<: *a\n')}`],
    ['an open quote', YAML, () => `name: "${fill('a ')}`],
    ['500,000 open quotes', YAML, () => fill("'\n")],
    ['1,000,000 spaces', YAML, () => `name:${fill(' ')}a`],
    ['1,000,000 tabs', YAML, () => `name: a\n${fill('\t')}`],
    ['1,000,000 line breaks', YAML, () => fill('\n')],
    ['1,000,000 comment marks', YAML, () => fill('#')],
    ['200,000 documents', YAML, () => fill('---\n')],
    ['200,000 documents with keys', YAML, () => fill('a: 1\n---\n')],
    ['directives', YAML, () => fill('%TAG ! x\n')],
    ['tags', YAML, () => `list: [${fill('!a b, ')}]`],
    ['a block of text', YAML, () => `name: |\n${fill('  a\n')}`],
    ['a folded text', YAML, () => `name: >\n${fill('  a\n\n')}`],
    ['colons', YAML, () => fill(':')],
    ['colons and spaces', YAML, () => fill(': ')],
    ['commas', YAML, () => fill(',')],
    ['closing brackets', YAML, () => fill(']')],
    ['carriage returns', YAML, () => fill('\r')],
    ['unknown values', YAML, () => `${SOUND}engine: ${fill('x', 500_000)}`],
    ['a key of 1 MB', YAML, () => `${fill('k')}: 1`],
    ['a number of 1 MB', YAML, () => `${SOUND}seed: ${fill('9')}`],
    ['a float of 1 MB', YAML, () => `${SOUND}seed: 0.${fill('1')}e`],
    ['20,000 keys', JSON_NAME, () => `{${Array.from({ length: 20_000 }, (_, i) => `"k${i}":1`).join(',')}}`],
    ['10,000 keys', JSON_NAME, () => `{${Array.from({ length: 10_000 }, (_, i) => `"k${i}":1`).join(',')}}`],
    ['90,000 keys', JSON_NAME, () => `{${Array.from({ length: 80_000 }, (_, i) => `"k${i}":1`).join(',')}}`],
    ['one key again and again', JSON_NAME, () => `{${fill('"k":1,')}}`],
    ['open brackets', JSON_NAME, () => fill('[')],
    ['open braces', JSON_NAME, () => fill('{')],
    ['keys that open', JSON_NAME, () => fill('{"a":')],
    ['brackets behind a string', JSON_NAME, () => `{"a": "\\\n${fill('[')}`],
    ['quotes', JSON_NAME, () => fill('"\n')],
    ['open comments', JSON_NAME, () => fill('/* ')],
    ['slashes', JSON_NAME, () => fill('/')],
    ['backslashes', JSON_NAME, () => `{"a": "${fill('\\')}`],
    ['colons', JSON_NAME, () => fill(':')],
    ['minus signs', JSON_NAME, () => fill('-')],
    ['an array of numbers', JSON_NAME, () => `{"a":[${fill('1,')}1]}`],
  ];
  const others: [string, string, () => string][] = [
    ['4,000 open brackets', PYTHON, () => `${MMPRETRAIN}a = ${'['.repeat(4000)}`],
    ['open brackets', PYTHON, () => `${MMPRETRAIN}a = ${fill('[')}`],
    ['open dicts', PYTHON, () => `${MMPRETRAIN}a = ${fill('dict(a=')}`],
    ['open braces', PYTHON, () => `${MMPRETRAIN}a = ${fill("{'a':")}`],
    ['closed lists', PYTHON, () => `${MMPRETRAIN}a = ${'['.repeat(400_000)}${']'.repeat(400_000)}`],
    ['lists beside lists', PYTHON, () => `${MMPRETRAIN}a = [${fill('[1],')}]`],
    [
      '40 nested lists, each with an operator behind',
      PYTHON,
      () => `${MMPRETRAIN}a = ${'['.repeat(40)}1${'] + 1'.repeat(40)}`,
    ],
    ['nested computed dicts', PYTHON, () => `${MMPRETRAIN}a = ${'dict(a='.repeat(40)}1${') + 1'.repeat(40)}`],
    ['assignments', PYTHON, () => MMPRETRAIN + fill('a = 1\n')],
    ['lists of dicts', PYTHON, () => `${MMPRETRAIN}a = [${fill("dict(type='x'),")}]`],
    ['20,000 names', PYTHON, () => MMPRETRAIN + lines(60_000, (i) => `a${i} = 1`)],
    ['open quotes', PYTHON, () => MMPRETRAIN + fill("'\n")],
    ['open triple quotes', PYTHON, () => MMPRETRAIN + fill("''' ")],
    ['spaces', PYTHON, () => `${MMPRETRAIN}a = [${fill(' ')}`],
    ['a space before each line', PYTHON, () => `${MMPRETRAIN}${fill(' \n')}`],
    ['a name', PYTHON, () => MMPRETRAIN + fill('a')],
    ['names and spaces', PYTHON, () => `${MMPRETRAIN}${fill('a ')}`],
    ['keys and spaces', PYTHON, () => `${MMPRETRAIN}a = dict(a${fill(' ')}`],
    ['digits', PYTHON, () => `${MMPRETRAIN}a = ${fill('1')}x`],
    ['digits and underscores', PYTHON, () => `${MMPRETRAIN}a = ${fill('1_')}x`],
    ['comments', PYTHON, () => `${MMPRETRAIN}a = [${fill('# \n')}`],
    ['comments in a line', PYTHON, () => `${MMPRETRAIN}a = [${fill('#')}`],
    ['equals signs', PYTHON, () => `${MMPRETRAIN}${fill('a==')}`],
    ['closing brackets', PYTHON, () => `${MMPRETRAIN}${fill(')')}`],
    ['computed values', PYTHON, () => `${MMPRETRAIN}a = [${fill('f(x),')}]`],
    ['computed values that nest', PYTHON, () => `${MMPRETRAIN}a = ${fill('[f(', 200_000)}`],
    ['lists of computed lists', PYTHON, () => `${MMPRETRAIN}a = ${fill('[x, ', 200_000)}`],
    ['flags', 'a.sh', () => TORCHVISION + fill('--lr 1 ')],
    ['50,000 flags', 'a.sh', () => TORCHVISION + lines(50_000, (i) => `--f${i} 1 \\`)],
    ['backslashes', 'a.sh', () => TORCHVISION + fill('\\')],
    ['open quotes', 'a.sh', () => TORCHVISION + fill('"')],
    ['quotes of backslashes', 'a.sh', () => `${TORCHVISION}"${fill('\\"')}`],
    ['odd open quotes', 'a.sh', () => `${TORCHVISION}${fill('\'"')}`],
    ['words', 'a.sh', () => fill('a ')],
    ['lines of train.py', 'a.sh', () => fill('train.py\n')],
    ['commands', 'a.sh', () => fill(`${TORCHVISION}\n`)],
    ['open substitutions', 'a.sh', () => `${TORCHVISION}${fill('"$(')}`],
    ['open braces', 'a.sh', () => `${TORCHVISION}${fill('[{,')}`],
    ['here-documents', 'a.sh', () => `${TORCHVISION}\n${fill('cat <<E\n')}`],
    ['continued lines', 'a.sh', () => `${TORCHVISION}${fill('\\\n')}`],
    ['slashes', 'a.sh', () => `${TORCHVISION}${fill('/')}`],
    ['20,000 keys', 'args.yaml', () => TIMM + lines(20_000, (i) => `key${i}: 1`)],
    ['80,000 keys', 'args.yaml', () => TIMM + lines(80_000, (i) => `k${i}: 1`)],
    ['open brackets', 'args.yaml', () => `${TIMM}a: ${fill('[')}`],
    ['spaces', 'args.yaml', () => `${TIMM}${fill(' ')}`],
    ['keys in a line', 'args.yaml', () => `${TIMM}${fill('a')}`],
  ];
  // Files of other systems are read up to 256 KiB.
  const shorter = others.map(([what, name, text]): [string, string, () => string] => [
    `${what}, 256 KiB`,
    name,
    () => text().slice(0, 1 << 18),
  ]);
  return [...ours, ...others, ...shorter].map(([what, name, text]) => ({ what, name, text }));
}

export interface FormatFile {
  readonly what: string;
  readonly reader: 'decodeNpyHeader' | 'readPickle' | 'decodeSafetensors' | 'decodeWeights';
  readonly bytes: () => Uint8Array;
}

function safetensors(header: string, headerBytes = header.length, values = 0): Uint8Array {
  const file = Buffer.alloc(8 + header.length + values);
  file.writeBigUInt64LE(BigInt(headerBytes));
  file.write(header, 8, 'latin1');
  return file;
}

/** Returns weights files and arrays. */
export function formatFiles(): FormatFile[] {
  const entries = (count: number, entry: (index: number) => string) =>
    `{${Array.from({ length: count }, (_, index) => entry(index)).join(',')}}`;
  return [
    {
      what: 'safetensors of 15,000 empty tensors',
      reader: 'decodeSafetensors',
      bytes: () =>
        safetensors(entries(15_000, (i) => `"t${i}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`)),
    },
    {
      what: 'safetensors of 60,000 wrong entries',
      reader: 'decodeSafetensors',
      bytes: () => safetensors(entries(60_000, (i) => `"t${i}":{"a":1}`)),
    },
    {
      what: 'safetensors of open brackets',
      reader: 'decodeSafetensors',
      bytes: () => safetensors(`{"a":${'['.repeat(1_000_000)}`),
    },
    {
      what: 'safetensors of nested lists',
      reader: 'decodeSafetensors',
      bytes: () => safetensors(`{"a":${'['.repeat(400_000)}${']'.repeat(400_000)}}`),
    },
    {
      what: 'safetensors of a shape of 400,000 extents',
      reader: 'decodeSafetensors',
      bytes: () =>
        safetensors(
          `{"a":{"dtype":"F32","shape":[${'1,'.repeat(400_000)}1],"data_offsets":[0,4]}}`,
          undefined,
          4,
        ),
    },
    {
      what: 'safetensors of a header of spaces',
      reader: 'decodeSafetensors',
      bytes: () => safetensors(`{}${' '.repeat(1_000_000)}`),
    },
    {
      what: 'safetensors that claims 100 MB',
      reader: 'decodeWeights',
      bytes: () => safetensors('{}', 100_000_000),
    },
    { what: 'a pickle of marks', reader: 'readPickle', bytes: () => Buffer.from('('.repeat(1_000_000)) },
    {
      what: 'a pickle of empty lists',
      reader: 'readPickle',
      bytes: () => Buffer.from(`${']'.repeat(1_000_000)}.`),
    },
    {
      what: 'a pickle of lists within lists',
      reader: 'readPickle',
      bytes: () => Buffer.from(`${'](l'.repeat(10)}${'('.repeat(300_000)}${'l'.repeat(300_000)}.`),
    },
    {
      what: 'a pickle of a dict again and again',
      reader: 'readPickle',
      bytes: () => Buffer.from(`}${'(K\u0001K\u0001u'.repeat(150_000)}.`, 'latin1'),
    },
    {
      what: 'a pickle of lines',
      reader: 'readPickle',
      bytes: () => Buffer.from(`${'I1\n'.repeat(300_000)}.`),
    },
    {
      what: 'a pickle that reads a memo again',
      reader: 'readPickle',
      bytes: () => Buffer.from(`]q\u0000${'h\u0000'.repeat(500_000)}.`, 'latin1'),
    },
    {
      what: 'a pickle of long integers',
      reader: 'readPickle',
      bytes: () =>
        Buffer.concat([
          ...Array.from({ length: 1000 }, () =>
            Buffer.concat([Buffer.from([0x8b, 0, 4, 0, 0]), Buffer.alloc(1024, 0x7f)]),
          ),
          Buffer.from('.'),
        ]),
    },
    {
      what: 'a zip of 20,000 records',
      reader: 'decodeWeights',
      bytes: () => {
        const local = Buffer.alloc(30);
        local.writeUInt32LE(0x04034b50);
        const record = Buffer.alloc(47);
        record.writeUInt32LE(0x02014b50);
        record.writeUInt16LE(1, 28);
        record.write('a', 46);
        const end = Buffer.alloc(22);
        end.writeUInt32LE(0x06054b50);
        end.writeUInt16LE(20_000, 8);
        end.writeUInt16LE(20_000, 10);
        end.writeUInt32LE(47 * 20_000, 12);
        end.writeUInt32LE(30, 16);
        return Buffer.concat([local, ...Array.from({ length: 20_000 }, () => record), end]);
      },
    },
    {
      what: 'a zip of ends',
      reader: 'decodeWeights',
      bytes: () => {
        const bytes = Buffer.alloc(1_000_000);
        for (let at = 0; at + 4 <= bytes.length; at += 4) bytes.writeUInt32LE(0x06054b50, at);
        bytes.writeUInt32LE(0x04034b50);
        return bytes;
      },
    },
    {
      what: 'npy of a header of brackets',
      reader: 'decodeNpyHeader',
      bytes: () => {
        const text = `{${" 'descr'".repeat(1200)}`;
        const bytes = Buffer.alloc(10 + text.length);
        bytes.write('\u0093NUMPY\u0001\u0000', 0, 'latin1');
        bytes.writeUInt16LE(text.length, 8);
        bytes.write(text, 10);
        return bytes;
      },
    },
  ];
}
