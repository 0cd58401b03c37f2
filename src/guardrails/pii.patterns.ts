/** The kinds of personal data that are known without further ado. */
export type PiiType = 'ssn' | 'card' | 'email' | 'phone';

/** Text that looks like personal data of a kind. */
export interface PiiPattern {
  /** Has the `g` flag. */
  readonly expression: RegExp;
  /** Says no to text that only looks like it. */
  readonly accepts?: (match: string) => boolean;
}

/** Built-in patterns, the more specific ones first: a card number also looks like a telephone number. */
export const PII_PATTERNS: Readonly<Record<PiiType, PiiPattern>> = {
  email: { expression: /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}/gu },
  ssn: { expression: /(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])/g, accepts: isAssignableSsn },
  card: { expression: /(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])/g, accepts: hasLuhnChecksum },
  phone: {
    // International; area code in brackets; North American; French; trunk prefix 0 as in most of Europe.
    expression: new RegExp(
      [
        String.raw`(?<![\w+])\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,6}(?!\w)`,
        String.raw`(?<!\w)\(\d{2,5}\)[ .-]?\d{3,4}[ .-]?\d{3,4}(?!\w)`,
        String.raw`(?<![\w.-])\d{3}[ .-]\d{3}[ .-]\d{4}(?![\w-])`,
        String.raw`(?<![\w.-])0\d(?:[ .-]\d{2}){4}(?![\w-])`,
        String.raw`(?<![\w.-])0\d{2,4}[ /-]\d{5,8}(?![\w-])`,
      ].join('|'),
      'g',
    ),
    accepts: hasPhoneLength,
  },
};

/** Areas 000, 666 and 9xx, group 00 and serial 0000 are never assigned (Social Security Administration, since 2011). */
function isAssignableSsn(match: string): boolean {
  const [area = '', group = '', serial = ''] = match.split('-');
  return !/^(?:000|666|9\d\d)$/.test(area) && group !== '00' && serial !== '0000';
}

/** The checksum of payment cards (ISO/IEC 7812-1, annex B). */
function hasLuhnChecksum(match: string): boolean {
  const digits = match.replace(/\D/g, '');
  let sum = 0;
  for (let place = 0; place < digits.length; place++) {
    const digit = Number(digits[digits.length - 1 - place]);
    const doubled = digit * 2;
    sum += place % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0 && sum > 0;
}

/** Seven digits are a local number, fifteen the most that one may have (ITU-T E.164). */
function hasPhoneLength(match: string): boolean {
  const digits = match.replace(/\D/g, '').length;
  return digits >= 7 && digits <= 15;
}
