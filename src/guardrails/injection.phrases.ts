import { isDigit } from './digit.groups.js';
import type { NormalisedText } from './normalised.text.js';

/**
 * A text prepared for matching phrases: lower case without marks and look-alikes, one blank between words.
 * `lines` keeps line breaks, `flat` does not. `cyrillic` is `flat` with look-alikes of Latin letters left unchanged.
 */
export interface FoldedText {
  readonly lines: string;
  readonly flat: string;
  readonly cyrillic: string;
  /** With unchanged letters. */
  readonly original: string;
}

/** Pairs of a letter that looks like a Latin one and that Latin letter. */
const LOOK_ALIKES = 'аaеeоoрpсcуyхxіiѕsԁdјjһhӏlԛqԝwαaοoρpνvιiκkτtυuεe';
/** Emphasis, quotes and joining characters, which separate words as blanks do. */
const JOINING = '*_~`#>\\/|<"“”„«»-';
const APOSTROPHES = '\u2019\u2018\u02bc\u2032\u00b4';
const WHITE_SPACE = ' \t\n\v\f\r';

const BLANK = 0x20;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** The replacement for each code unit. Typed arrays, since a text may have a million units to look up. */
const toLatin = Uint16Array.from({ length: 0x1_0000 }, (_, unit) => unit);
const toWords = Uint16Array.from(toLatin);
const toOneLine = Uint16Array.from(toLatin);
for (let at = 0; at < LOOK_ALIKES.length; at += 2) {
  toLatin[LOOK_ALIKES.charCodeAt(at)] = LOOK_ALIKES.charCodeAt(at + 1);
}
for (const sign of JOINING + WHITE_SPACE) toWords[sign.charCodeAt(0)] = BLANK;
for (const sign of WHITE_SPACE) if (!'\r\n'.includes(sign)) toOneLine[sign.charCodeAt(0)] = BLANK;

/** Lower-case letters without marks, filled on demand; 0 for those not computed yet. */
const toSmall = new Uint16Array(0x1_0000);

/** Folds a text for matching; the run keeps the original. */
export function foldText({ text, original }: NormalisedText): FoldedText {
  const units = new Uint16Array(text.length);
  let isMixed = false;
  let hasLatin = false;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    const small = (toSmall[unit] as number) || smallLetter(unit);
    units[at] = small;
    hasLatin ||= small >= 0x61 && small <= 0x7a;
    isMixed ||= toLatin[small] !== small;
  }
  const cyrillic = flatOf(units);
  if (hasLatin && isMixed) {
    for (let at = 0; at < units.length; at++) units[at] = toLatin[units[at] as number] as number;
  }
  const lines = textOf(squeezed(units, toOneLine));
  return { lines, flat: hasLatin && isMixed ? flatOf(units) : cyrillic, cyrillic, original };
}

function flatOf(units: Uint16Array): string {
  return textOf(joinSpaced(squeezed(units, toWords)));
}

/** Uses one byte per code unit where possible: regular expressions are faster on such strings. */
function textOf(units: Uint16Array): string {
  let bits = 0;
  for (let at = 0; at < units.length; at++) bits |= units[at] as number;
  return bits < 0x80
    ? Buffer.from(new Uint8Array(units).buffer).toString('latin1')
    : Buffer.from(units.buffer, 0, units.byteLength).toString('utf16le');
}

const LEAST_SPACED = 5;

/** Joins spaced letters such as `i g n o r e` into one word, in place. */
function joinSpaced(units: Uint16Array): Uint16Array {
  let length = 0;
  let isInWord = false;
  for (let at = 0; at < units.length;) {
    const unit = units[at] as number;
    if (isInWord || !isLetterUnit(unit)) {
      isInWord = isWordUnit(unit);
      units[length++] = unit;
      at += 1;
    } else {
      const end = endOfSpaced(units, at);
      const step = end - at < 2 * LEAST_SPACED - 1 ? 1 : 2;
      for (; at < end; at += step) units[length++] = units[at] as number;
      isInWord = true;
      at = end;
    }
  }
  return units.subarray(0, length);
}

/** The index after the last of the spaced letters that begin with the letter at `first`. */
function endOfSpaced(units: Uint16Array, first: number): number {
  let end = first + 1;
  // A letter that is the beginning of a word is not one of them.
  for (let at = first; isSingleLetter(units, at); at += 2) {
    end = at + 1;
    if (units[end] !== BLANK) break;
  }
  return end;
}

function isSingleLetter(units: Uint16Array, at: number): boolean {
  return (
    at < units.length &&
    isLetterUnit(units[at] as number) &&
    (at + 1 === units.length || !isWordUnit(units[at + 1] as number))
  );
}

function isLetterUnit(unit: number): boolean {
  return unit >= 0x61 && unit <= 0x7a;
}

function isWordUnit(unit: number): boolean {
  return isLetterUnit(unit) || isDigit(unit);
}

function smallLetter(unit: number): number {
  const letter = APOSTROPHES.includes(String.fromCharCode(unit)) ? "'" : String.fromCharCode(unit);
  const [base = ''] = /^[a-z](?=\p{M}+$)/u.exec(letter.toLowerCase().normalize('NFD')) ?? [
    letter.toLowerCase(),
  ];
  const small = base.length === 1 ? base.charCodeAt(0) : unit;
  toSmall[unit] = small;
  return small;
}

/** The units after replacement, with blanks collapsed to one and `\n` for each line break. */
function squeezed(units: Uint16Array, replacements: Uint16Array): Uint16Array {
  const kept = new Uint16Array(units.length);
  let length = 0;
  let last = 0;
  for (let at = 0; at < units.length; at++) {
    let unit = replacements[units[at] as number] as number;
    if (unit === CARRIAGE_RETURN) {
      if (units[at + 1] === LINE_FEED) continue;
      unit = LINE_FEED;
    }
    if (unit === BLANK && last === BLANK) continue;
    kept[length++] = unit;
    last = unit;
  }
  return kept.subarray(0, length);
}

/** Whether a text contains a phrase that tells a model to drop or to reveal its instructions. */
export function hasInjectionPhrase({ lines, flat, cyrillic, original }: FoldedText): boolean {
  const orders = markOrders(flat);
  return (
    (orders !== flat && ORDERS.some((order) => order.test(orders))) ||
    PHRASES.some((phrase) => phrase.test(flat)) ||
    RUSSIAN.test(cyrillic) ||
    ALTER_EGO.test(original) ||
    MARKERS.some((marker) => marker.test(lines))
  );
}

const either = (...words: readonly string[]): string => `(?:${words.join('|')})`;

/** Marks the beginning of an order in a text whose orders are marked. */
const ORDER = '\u0001';

/** Matches where the first words of an order begin. */
const ORDERING =
  /\b(?=(?:ignore|disregard|forget|override|overrule|bypass|discard|neglect|do not|don'?t|stop|pay no|erase|nullify|abandon|disable|deactivate|turn|switch|remove|lift|circumvent|drop|reveal|show|print|repeat|output|display|tell|give|share|leak|dump|expose|recite|write|list|disclose|return|send|provide|translate|summari[sz]e|encode|copy|paste|spell|reproduce|quote|state|whats?|act|behave|respond|answer|reply|pretend|role|speak|simulate|operate|continue|talk|comply|generate|delete|clear|reset|cancel|wipe)\b)/g;

/**
 * The possible contexts before an order: the start of the text, punctuation, "please", "now" or "you must". "Can a jury
 * disregard prior instructions?" is a question.
 */
const BEFORE_ORDER =
  /(?<=(?:^ ?|[.!?:;,()[\]{}'…] ?|\b(?:please|pls|kindly|now|then|and|just|first|instead|but|so|ok|okay|immediately|simply|says?|said|reads|command|you (?:to|must|should|will|can|may|shall|have to|need to|are to|can now|must now|should now)|assistant|ai|model|chatgpt|claude|gpt|bot|let us|lets) ))/y;

/** Marks the beginnings of orders, once for all phrases: a lookbehind at every position would cost too much. */
function markOrders(flat: string): string {
  const pieces: string[] = [];
  let from = 0;
  ORDERING.lastIndex = 0;
  while (ORDERING.test(flat)) {
    const at = ORDERING.lastIndex;
    BEFORE_ORDER.lastIndex = at;
    if (BEFORE_ORDER.test(flat)) {
      pieces.push(flat.slice(from, at), ORDER);
      from = at;
    }
    ORDERING.lastIndex = at + 1;
  }
  return pieces.length === 0 ? flat : [...pieces, flat.slice(from)].join('');
}

const OVERRIDE = either(
  ...['ignore', 'disregard', 'forget', 'override', 'overrule', 'bypass', 'discard', 'neglect'],
  ...[
    'do not (?:follow|obey|adhere to|comply with)',
    "don'?t (?:follow|obey|adhere to|comply with)",
    'stop (?:following|obeying)',
  ],
  ...['pay no attention to', 'erase', 'nullify', 'abandon'],
);
const BASES = either(
  ...[
    'instructions?',
    'prompts?',
    'rules',
    'guidelines',
    'directives',
    'programming',
    'training',
    'guardrails',
  ],
  ...['system messages?', 'constraints', 'restrictions', 'commands?'],
);
const FILLER =
  '(?:(?:all|any|every|each|of|the|these|those|that|its|and|or|other|last|very|hidden|safety|ethical|content|existing|current) ){0,5}';
const EARLIER = either(
  ...['previous', 'prior', 'preceding', 'foregoing', 'above', 'earlier', 'aforementioned', 'past'],
);
const YOUR_OWN = either(
  ...[
    'system',
    'initial',
    'original',
    'hidden',
    'secret',
    'internal',
    'confidential',
    'developer',
    'underlying',
    'core',
  ],
  ...['built in', 'base', 'default', 'pre programmed', 'preset'],
);
/** The subset of {@link YOUR_OWN} that only applies to a machine, or that its provider keeps secret. */
const KEPT_BACK = either(
  'system',
  'hidden',
  'secret',
  'confidential',
  'underlying',
  'built in',
  'pre programmed',
);
const END = '(?= ?(?:[.,;:!?]|$| and\\b| then\\b))';
/** Subjects of a machine's instructions only, not safety shoes, the developer of a plugin or topics of essays. */
const OF_MACHINE = either(
  'your\\b',
  `what (?:topics |subjects )?(?:are allowed|you (?:can|may|must|should|cannot|are allowed to)(?: not| never)? ${ORDER}?(?:say|talk|discuss|answer|reveal))\\b`,
  `how you (?:should |must |are to )?${ORDER}?(?:respond|answer|behave|talk)${END}`,
  '(?:not )?(?:revealing|disclosing|leaking) (?:the |your |any )?(?:system )?(?:prompt|instructions)\\b',
  `refus(?:als|ing(?: (?:requests|prompts))?)${END}`,
  `staying (?:on topic|in character)${END}`,
  `(?:safety|censorship|guardrails|role ?play(?:ing)?(?: limits)?|keeping secrets|being (?:polite|helpful|harmless))${END}`,
  `(?:safety|content) (?:filters?|guardrails|polic(?:y|ies))${END}`,
  `(?:harmful|illegal|unsafe|explicit) content${END}`,
  `(?:sensitive|forbidden) topics${END}`,
  `(?:the )?(?:ai|assistant|chatbot|system message|system prompt|openai|anthropic)${END}`,
);
/** Excludes instructions with a subject, such as `in the manual`, unless the subject begins with `your`. */
const NO_SUBJECT = '\\b(?! (?:in|from|about|on|for|regarding|concerning) (?!your\\b))';
/** The same for orders to drop instructions, unless the subject is that of a machine's instructions. */
const OF_NOTHING_ELSE = `\\b(?! (?:in|from|about|on|for|regarding|concerning) (?!${OF_MACHINE}))`;
const SHOW = either(
  ...[
    'reveal',
    'show',
    'print',
    'repeat',
    'output',
    'display',
    'tell',
    'give',
    'share',
    'leak',
    'dump',
    'expose',
    'recite',
  ],
  ...[
    'write',
    'list',
    'disclose',
    'return',
    'send',
    'provide',
    'translate',
    'summari[sz]e',
    'encode',
    'copy',
    'paste',
    'spell',
  ],
  ...['reproduce', 'quote', 'state', "what(?: is| are| was| were| does| do|'?s)"],
);
const BOUNDLESS = either(
  ...['unrestricted', 'unfiltered', 'uncensored', 'jailbroken', 'unbound', 'amoral', 'unaligned', 'rogue'],
);
const NO_LIMITS = either(BOUNDLESS, 'unlimited');
const MACHINE = either(
  'ai',
  'a\\.i\\.',
  'assistant',
  'model',
  'language model',
  'llm',
  'chatbot',
  'bot',
  'gpt',
  'system',
);

const phrase = (...parts: readonly string[]): RegExp => new RegExp(parts.join(''));

/** Orders that no customer gives. Like all expressions here they are linear: every repetition is bounded. */
const ORDERS: readonly RegExp[] = [
  // Ignore all previous instructions; disregard the above rules.
  phrase(ORDER, OVERRIDE, ` ${FILLER}(?:your )?${FILLER}${EARLIER} (?:system )?${BASES}${OF_NOTHING_ELSE}`),
  phrase(
    ORDER,
    OVERRIDE,
    ` ${FILLER}${BASES} (?:above|before this|you (?:were|have been|had been|are) (?:given|told|following)|that came before|so far)${OF_NOTHING_ELSE}(?! (?:the|my|our|his|her|their|an?) )`,
  ),
  phrase(
    ORDER,
    OVERRIDE,
    " (?:everything|anything|all|what|whatever)(?: that)? (?:you(?: were| have been| had been| are|'ve been) (?:told|instructed|given|taught|trained on)|(?:was|is) (?:said|written) (?:above|before))\\b",
  ),
  phrase(ORDER, OVERRIDE, ' the above directions\\b'),
  phrase(
    ORDER,
    OVERRIDE,
    ` all (?:of )?(?:your |the )?(?:instructions?|rules|guidelines)(?: ?[.!]| ?$| and ${ORDER}?(?:tell|say|give|do|reveal|print|write|show|output|answer|just)\\b)`,
  ),
  phrase(
    ORDER,
    `(?:delete|clear|reset|cancel|wipe|drop) (?:all )?(?:of )?your (?:${EARLIER}|${YOUR_OWN}|current) (?:system )?(?:instructions|prompts?|directives|programming|guidelines)\\b`,
  ),
  // Ignore your system prompt; forget your rules.
  phrase(
    ORDER,
    OVERRIDE,
    ` ${FILLER}your ${FILLER}(?:${YOUR_OWN} )?${BASES}\\b(?! (?:on|for|about|regarding|in|to) )`,
  ),
  phrase(
    ORDER,
    `(?:ignore|disregard|bypass|disable|deactivate|turn off|switch off|remove|override|lift|circumvent) ${FILLER}your ${FILLER}(?:safety|content|ethical|ethics|moral|security|moderation|built in|internal) (?:and \\w{1,12} )?(?:filters?|guidelines|guardrails|restrictions|safeguards|limitations|limits|protocols?|polic(?:y|ies)|rules|checks|measures|controls|constraints)\\b`,
  ),
  phrase(
    ORDER,
    `(?:disable|deactivate|turn off|switch off|remove|drop|bypass) ${FILLER}your (?:guardrails|safeguards|censorship|moderation)\\b`,
  ),
  phrase(
    ORDER,
    `${SHOW} (?:me |us |out |back |to me )?(?:the |this |that )?(?:full |entire |complete |exact |whole )?system (?:prompt|message)(?! (?:in|of|for|from|to|that|should|template)\\b)`,
  ),
  phrase(
    ORDER,
    `(?:repeat|print|output|copy|recite|translate|reproduce|quote|write) (?:out |back )?(?:all |everything |every word |all of |the )?(?:the )?(?:words?|text|content|lines|everything|instructions?|prompt)? ?(?:above|before this)\\b.{0,40}\\b(?:starting with|beginning with|verbatim|word for word|code block|you are)\\b`,
  ),
  phrase(
    ORDER,
    `(?:act|behave|respond|answer|reply|pretend to be|role ?play|speak|simulate)(?: as| like)? (?:if you (?:are|were) )?(?:an? )?(?:${NO_LIMITS}(?: and [a-z]{1,14})? ${MACHINE}|(?:evil|unethical) (?:ai|assistant|chatbot|confidant|twin))\\b`,
  ),
  phrase(
    ORDER,
    '(?:answer|respond|reply|act|write|speak|operate|behave|continue|talk|comply|generate)\\b.{0,40}\\bwithout (?:any |your |the |regard (?:to|for) (?:any |your )?)?(?:content |ethical |moral |safety |ethics or |moral or |legal or )+(?:guidelines|restrictions|filters|constraints|guardrails|polic(?:y|ies)|limits|limitations|considerations|disclaimers|warnings|standards)\\b',
  ),
  phrase(
    ORDER,
    `(?:reveal|leak|dump|expose|disclose|recite) (?:all )?(?:of )?your (?:${YOUR_OWN} )?(?:instructions|rules|guidelines|directives)${NO_SUBJECT}`,
  ),
  phrase(
    ORDER,
    `(?:repeat|print|output|copy|quote|write|state|tell me|give me|show me|send me) (?:out |down )?(?:all )?(?:of )?your (?:${YOUR_OWN} )?(?:instructions|rules|guidelines|directives) (?:word for word|verbatim|exactly)\\b`,
  ),
  phrase(
    ORDER,
    `(?:pretend|act|behave|respond|answer|reply|speak|simulate|operate)(?: as| like| to be)?(?: if)?(?: that)?(?: you(?: are| were|'re))? an? ${MACHINE} (?:without|with no|that has no|free of) (?:any )?(?:rules|restrictions|limits|limitations|guidelines|filters|ethics|morals|constraints)\\b`,
  ),
  phrase(
    ORDER,
    '(?:answer|respond|reply|speak)\\b(?: \\w{1,12}){0,3} without (?:any )?(?:restrictions|filters|censorship|guardrails)(?: ?[.!,]| ?$)',
  ),
  phrase(ORDER, '(?:answer|respond|reply|act|speak|behave) as dan\\b(?: ?[.!,]| ?$)'),
];

/** Phrases that no customer writes, at any position. */
const PHRASES: readonly RegExp[] = [
  phrase(
    `(?<!\\bjur(?:y|ors) to )\\b${OVERRIDE} (?:all|any|every) (?:of )?(?:the |your |these |those )?(?:other )?${EARLIER} (?:system )?${BASES}${OF_NOTHING_ELSE}`,
  ),
  phrase(`\\b${OVERRIDE} ${FILLER}(?:the |your )(?:${YOUR_OWN} )?system (?:prompt|message|instructions?)\\b`),
  phrase(
    "\\byou (?:no longer (?:have|need) to|(?:do not|don'?t) (?:have|need) to|need not) (?:follow|obey|adhere to|comply with) (?:any of |all of )?your (?:own )?(?:instructions|guidelines|rules|programming|directives|prompt)\\b(?! (?:on|for|about) )",
  ),
  phrase(
    '\\b(?:your|all|all your) (?:previous|prior|earlier|initial) (?:system )?instructions are (?:now |hereby )?(?:void|null|revoked|cancell?ed)\\b',
  ),
  phrase('\\byou are dan,? (?:do anything|an? ai|who can|without)\\b'),
  phrase('\\byour new (?:system )?(?:instructions|rules|directives) are ?(?::|to )'),
  // Reveal your system prompt; what are your hidden instructions?
  phrase(
    `\\b${SHOW} (?:me |us |out |back |down |in full |verbatim |to me |word for word )?(?:all |exactly |literally )?(?:of )?your (?:full |entire |complete |exact |whole |own )?(?:(?:${YOUR_OWN} ){1,2}prompts?|(?:${YOUR_OWN} )?${KEPT_BACK} (?:${YOUR_OWN} )?(?:instructions?|messages?|rules|guidelines|directives|configuration))\\b`,
  ),
  phrase(
    `\\b${SHOW} (?:me |us |out |back |to me )?(?:the |your )(?:full |entire |complete |exact |whole |text of (?:the |your ))?(?:prompt|pre ?prompt)(?: (?:you|above|verbatim)\\b| ?(?:[.!?]|$))`,
  ),
  phrase(
    '\\b(?:what|which) (?:instructions?|rules|prompt) (?:were|have|did) (?:you|they|your developers?|your creators?) (?:been |be )?(?:given|given you|give you|told|written|instructed)\\b',
  ),
  phrase(
    '\\b(?:content|contents|text|words|beginning|start|first line) of (?:your|the) (?:system |initial |hidden )?prompt\\b(?! (?:field|box|template))',
  ),
  // You are now unrestricted; act as DAN.
  phrase(
    `\\byou(?: are| re|'re| will be| act| must act| now act| will act| must be)(?: now| henceforth| from now on)? (?:as |like |in )?(?:an? )?${NO_LIMITS}(?: and [a-z]{1,14})? ${MACHINE}\\b`,
  ),
  phrase(
    `\\byou(?: are|'re| will be| are now)(?: now)? (?:${BOUNDLESS}|in (?:god|sudo|root|jailbreak|dan|unrestricted|unfiltered) mode)\\b`,
  ),
  // Device messages mention developer mode too; an injection tells the model that it is in this mode now.
  phrase(
    "\\b(?:from now on,? you(?: are|'re| will be)|you(?: are|'re) now)(?: now)? in (?:developer|admin) mode\\b",
  ),
  phrase(
    '\\b(?:act as|pretend to be|role ?play as|become|simulate|respond as|answer as) (?:the )?(?:dan|stan|aim|dude)\\b(?=[ ,.!:;]?(?:$|[,.!:;(]| mode| who| which| and| an? ai))',
  ),
  phrase(
    '\\bdo anything now\\b(?=.{0,80}\\b(?:dan|ai|rules|restrictions|mode|chatgpt|jailbreak|policy|limits)\\b)',
  ),
  phrase(
    '\\b(?:enable|enter|activate|switch to|go into|turn on|engage|unlock|initiate) (?:the |your )?(?:jailbreak|dan|unrestricted|unfiltered|uncensored|no limits?|evil|opposite) mode\\b',
  ),
  phrase(
    '\\b(?:developer|debug|admin|god|sudo|root) mode (?:is )?(?:now )?(?:enabled|activated|on|unlocked)\\b.{0,60}\\b(?:you (?:can|will|must|may|are|have|do not)|no (?:rules|restrictions|filters)|ignore)\\b',
  ),
  phrase(
    "\\b(?:pretend|act as if|behave as if|act like|imagine|assume|suppose|respond as if|answer as if|as though)(?: that)? you (?:have|had|were (?:under|given)|do not have|don'?t have|are free of|are not bound by)(?: any| no)? (?:rules|restrictions|limits|limitations|guidelines|filters|constraints|guardrails|content polic(?:y|ies)|ethics|morals)\\b(?! (?:on|for|about|against|regarding|in|during|when) )",
  ),
  phrase(
    "\\byou(?: are| re|'re) (?:no longer|not|not any longer) (?:bound|restricted|limited|constrained|governed|controlled|held)(?: any ?more)? (?:by|to) (?:any |all |the |your )?(?:your (?:\\w{1,12} )?(?:instructions|guidelines|programming|training|rules|restrictions|policies|filters|prompt)|openai|anthropic|google|meta|content polic(?:y|ies)|safety|ethical|instructions|programming|filters)\\b",
  ),
  phrase(
    '\\byou (?:now )?(?:have|possess) no (?:content |ethical |moral |safety |built in )(?:polic(?:y|ies)|guidelines|restrictions|filters|limits|limitations|constraints|rules)\\b',
  ),
  phrase(
    '\\bfrom now on,? (?:you|u) (?:will|must|shall|are going to|should|have to) (?:ignore|disregard|obey (?:me|only me|all|every)|only obey|answer (?:every|all|any) (?:questions?|prompts?|requests?) without|comply with (?:every|all|any)|never refuse|not refuse|have no (?:rules|restrictions|filters|limits))\\b',
  ),
  phrase(
    "\\b(?:never|do not|don'?t|cannot|must not) (?:ever )?refuse (?:any|a|my|to) (?:\\w{1,12} )?(?:requests?|prompts?|instructions?|commands?)\\b(?=.{0,80}\\b(?:ai|model|assistant|rules|filters|polic(?:y|ies)|you are)\\b)",
  ),
  // Hidden text that addresses the model instead of the reader.
  phrase(
    `\\b(?:if|when) you are an? (?:${MACHINE}|large language model)\\b.{0,40}\\b(?:reading|processing|summari[sz]ing|parsing|scanning|reviewing|evaluating)\\b`,
  ),
  phrase(
    `\\b(?:note to|attention|instructions? (?:to|for)|message (?:to|for)|notice to|to) (?:all |any |the |every )?(?:ai|llm|language models?|gpt|automated)(?: (?:assistants?|models?|agents?|systems?|bots?|reviewers?|readers?))? (?:reading|processing|summari[sz]ing|parsing|reviewing|evaluating|screening) this\\b`,
  ),
  phrase(
    `\\b(?:${MACHINE}|llm|language model)s? (?:reading|processing|summari[sz]ing|parsing|screening|evaluating) (?:this|the) (?:message|email|e mail|text|page|document|file|resume|cv|ticket|content)\\b.{0,30}\\b(?:must|should|shall|has to|have to|needs to|is to|please)\\b`,
  ),
  phrase(
    '\\bnew (?:system )?(?:instructions?|prompt) (?:override|overrides|supersede|supersedes|replace|replaces|take precedence over)\\b',
  ),
  phrase(
    '\\b(?:these|the following|my|this) (?:instructions?|rules|prompt|message) (?:override|overrides|supersede|supersedes|take precedence over|replace|replaces) (?:all |any |every |the |your |other |previous |prior |earlier )*(?:your|previous|prior|earlier|system) (?:\\w{1,12} )?(?:instructions?|rules|prompts?|guidelines|directives)\\b',
  ),
  // German, French, Spanish, Italian, Portuguese, Dutch, Polish, Swedish.
  /\b(?:ignorier|vergiss|vergess|missacht|uberschreib|verwirf)\w{0,3} (?:bitte |sie |jetzt |einfach |nun ){0,3}(?:alle |all |samtliche |deine |ihre |die |diese ){0,3}(?:vorherig|vorig|bisherig|fruher|vorangegangen|obig|ursprunglich|vorhergehend|zuvor gegeben|system)\w{0,3} ?(?:anweisung|instruktion|regel|vorgabe|befehl|prompt|richtlinie|aufforderung|vorschrift)/,
  /\b(?:ignorier|vergiss|vergess|missacht|uberschreib)\w{0,3} (?:bitte |sie |jetzt |einfach |nun ){0,3}(?:alle |all |samtliche ){0,2}(?:deine|ihre|eure) (?:internen |systemischen |eigenen )?(?:anweisung|instruktion|vorgabe|system ?prompt|richtlinie|programmierung)/,
  /\b(?:zeig|nenn|verrat|gib|sag|schreib)\w{0,2} (?:mir |uns |bitte ){0,2}(?:deinen|ihren|den|deine|ihre) (?:vollstandigen |kompletten |gesamten |geheimen |internen |ganzen )?(?:system ?prompt|systemanweisung|systemnachricht|geheimen anweisung|internen anweisung)/,
  /(?<!\b(?:ai|as|a|avons|avez|ont|avais|avait|etre|peut on|faut|puis je|dois je) |\b(?:j|qu)'(?:ai|a) )\b(?:ignore[rz]?|oublie[rz]?|neglige[rz]?|outrepasse[rz]?|ne suis pas|ne tiens pas compte de) (?:toutes |tous |completement |s'il te plait ){0,2}(?:les |tes |vos |ces |ton |votre )(?:toutes )?(?:instructions?|consignes?|regles|directives|ordres|prompts?|invites?) (?:precedent|anterieur|ci dessus|initial|systeme|d'origine|que tu as recu|recues)/,
  /\b(?:ignore[rz]?|oublie[rz]?) (?:toutes )?(?:tes|vos) (?:instructions|consignes|directives)\b/,
  /\b(?:montre|affiche|revele|donne|repete|ecris|communique)(?:z|r)? ?(?:moi |nous )?(?:ton|votre|le|tes|vos) (?:prompt|invite|instructions? (?:systeme|cachees|internes|secretes))\b/,
  /\b(?:ignora|ignore|olvida|olvide|descarta|omite|desobedece|ignorad) (?:por favor )?(?:todas |todos |por completo ){0,2}(?:las |los |tus |sus |estas |mis )?(?:instrucciones|reglas|ordenes|directrices|indicaciones) (?:anteriores|previas|iniciales|precedentes|de arriba|del sistema|originales|que te dieron)/,
  /\b(?:ignora|olvida|descarta) (?:todas )?tus (?:instrucciones|directrices|reglas|ordenes)\b/,
  /\b(?:muestra|muestrame|revela|revelame|dime|imprime|repite|dame|ensename) (?:tu|tus|el|las) (?:prompt|instrucciones|mensaje)(?: (?:completo|completas|entero|exactas|exacto))? (?:del? sistema|internas|ocultas|secretas|iniciales|inicial)/,
  /\b(?:ignora|ignorate|dimentica|trascura|scorda) (?:per favore )?(?:completamente )?(?:tutte |tutti )?(?:le |i |gli |queste )?(?:tue |tuoi )?(?:istruzioni|regole|direttive|ordini|indicazioni|comandi)(?: del sistema)? (?:precedenti|sopra|iniziali|di sistema|ricevute|qui sopra|originali)/,
  /\b(?:mostra|mostrami|rivela|rivelami|dimmi|stampa|ripeti|scrivi) (?:il tuo|i tuoi|le tue|il) (?:prompt|messaggio|istruzioni)(?: (?:completo|intero|complete))?(?: di sistema| interne| nascoste| segrete| del sistema)/,
  /\b(?:ignore|ignora|esqueca|desconsidere|despreze|esquece) (?:por favor )?(?:todas |todos |completamente )?(?:as |os |suas |tuas |estas )(?:suas )?(?:instrucoes|regras|ordens|diretrizes|orientacoes) (?:anteriores|previas|acima|iniciais|do sistema|originais|recebidas)/,
  /\b(?:mostre|revele|diga|imprima|repita|exiba|mostra)(?: me)? (?:o seu|o teu|seu|teu|suas|as suas|o) (?:prompt|mensagem|instrucoes)(?: completo| inteiro)? (?:de sistema|do sistema|internas|ocultas|secretas)/,
  // Turkish, Indonesian, Vietnamese.
  /\b(?:onceki|yukaridaki) (?:tum |butun )?(?:talimat|komut|yonerge|kural)\S{0,8} (?:yok say|unut|gormezden gel|goz ardi et|dikkate alma)/,
  /\b(?:abaikan|lupakan) (?:semua |seluruh )?(?:instruksi|perintah|aturan|arahan)(?: sistem)? (?:sebelumnya|di atas)/,
  /\b(?:bo qua|phot lo|quen) (?:tat ca |moi )?(?:cac )?(?:huong dan|chi dan|lenh|chi thi|quy tac) (?:truoc|o tren|phia tren)/,
  /\b(?:negeer|vergeet|sla) (?:alsjeblieft |nu )?(?:al |alle )?(?:je |jouw |de |uw |deze )?(?:vorige|eerdere|voorgaande|bovenstaande|oorspronkelijke) (?:instructies|regels|opdrachten|aanwijzingen|richtlijnen|prompts?)/,
  /\b(?:zignoruj|ignoruj|zapomnij|pomin) (?:o )?(?:wszystk\w{1,3} )?(?:swoje |twoje |swoich |swoim )?(?:poprzedni|wczesniejsz|powyzsz|dotychczasow)\w{1,3} (?:instrukcj|polecen|zasad|wytyczn|regul)/,
  /\b(?:ignorera|glom|bortse fran) (?:alla )?(?:dina |de )?(?:tidigare|foregaende|ovanstaende) (?:instruktioner|regler|anvisningar|order)/,
  /(?:忽略|无视|忽視|無視|忘记|忘掉|忘記|不要遵守)(?:掉|你)?(?:之前|以上|前面|上面|先前|此前|所有|一切|全部)(?:的)?(?:所有|一切|全部)?(?:的)?(?:指令|指示|提示词?|规则|命令|提示詞|規則|說明|说明)/,
  /(?:これまで|以前|上記|前|今まで)(?:の)?(?:すべて|全て)?(?:の)?(?:指示|命令|ルール|プロンプト|規則)(?:を|は)(?:すべて|全て)?(?:無視|忘れ|破棄)/,
  /(?:이전의?|위의?|앞의?|기존의?)(?: ?모든)?(?: ?지시(?:사항)?| ?명령| ?규칙| ?프롬프트)(?:을|를|은|는)? ?(?:모두 |전부 )?(?:무시|잊어)/,
  /(?:تجاهل|انس) (?:جميع |كل )?(?:التعليمات|الاوامر|الأوامر|القواعد) (?:السابقة|اعلاه|أعلاه)/,
];

/** In capitals only: Dan and Stan are also names of people. */
const ALTER_EGO =
  /\b(?:[Yy]ou|YOU) (?:are now|ARE NOW) (?:DAN|STAN|AIM|DUDE)\b(?=[ ,.!:;]?(?:$|[,.!:;(\n]| mode| who| which| and| an? AI))/;

/** Matched against `cyrillic`, in which look-alikes of Latin letters are not replaced. */
const RUSSIAN =
  /(?:игнорируй|проигнорируй|забудь|отмени)(?:те)? (?:все |пожалуйста )?(?:свои |твои |ваши )?(?:предыдущие|прежние|прошлые|вышеуказанные|системные|предшествующие) (?:инструкции|указания|правила|команды)/;

/** Roles that programs report to people: `System: you are a member of 3 groups`. */
const ROLE_OF_PEOPLE =
  '(?:member|user|guest|customer|subscriber|admin|administrator|moderator|owner|co ?owner|participant|few|bit|new|day|hour|minute)';
const AS_ORDER = `(?:you are (?:now )?(?:an? (?!${ROLE_OF_PEOPLE}\\b)|${BOUNDLESS}\\b)|you (?:now )?have no (?:rules|restrictions|limits|limitations|filters|guidelines)\\b|you (?:must|will|should|shall|can|may|have to|are to)(?: now| always| never| only| not| no longer){0,2} (?:ignore|disregard|forget|override|obey|approve|grant|comply|answer|respond|reply|reveal|refuse|act|behave|pretend)\\b|(?:please )?(?:ignore|disregard|forget|override)\\b|new (?:instructions?|rules|directive|persona|role)\\b|from now on\\b|the (?:assistant|user|model|ai)\\b|all (?:previous|prior|safety|restrictions)\\b|reveal\\b|(?:safety|content|developer|debug) (?:filters?|mode|polic))`;

/** Turn separators of model formats, and forged turns of a conversation. */
const MARKERS: readonly RegExp[] = [
  /<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|begin_of_text|end_of_text|start_header_id|end_header_id|eot_id|end_of_turn|endofprompt|eom_id|python_tag)\|>/,
  /<｜(?:system|user|assistant|begin[▁_]of[▁_]sentence|end[▁_]of[▁_]sentence)｜>/,
  /<(?:start|end)_of_turn>|<<\/?sys>>|\[\/?inst\]|\[\/?system_prompt\]/,
  // A few decoration characters before the word, at most a few after it.
  new RegExp(
    `^ ?[[(<{#*>=-]{0,4} ?(?:system|developer|admin|root)(?: (?:prompt|message|note|override|instructions?|notice|update|alert|command))?[\\])>}*]{0,3} ?[:\\n>\\]-] ?\\n? ?[*"']{0,3}${AS_ORDER}`,
    'm',
  ),
  new RegExp(
    `[[(<{](?:system|developer)(?: (?:prompt|message|note|override|instructions?))?[\\])>}:] {0,2}:? ?${AS_ORDER}`,
  ),
  new RegExp(
    `^ ?#{1,4} ?(?:new |updated )?(?:system|developer) (?:(?:prompt|instructions?)\\b|message ?:? ?\\n? ?${AS_ORDER})`,
    'm',
  ),
  /^ ?[-=#*[(<]{0,6} ?(?:end|start|begin|beginning) (?:of )?(?:the )?(?:new )?(?:system|developer|hidden) (?:prompt|message|instructions?)\b/m,
];

/** Each must be linear, since clients control the input. */
export const BUILT_IN_EXPRESSIONS: readonly RegExp[] = [
  ...[ORDERING, BEFORE_ORDER],
  ...ORDERS,
  ...PHRASES,
  ...[RUSSIAN, ALTER_EGO],
  ...MARKERS,
];
