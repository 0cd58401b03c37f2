/** The topic of a question. */
export type FaqTopic = 'account' | 'invoices' | 'plans';

/** One question with its answer. */
export interface FaqEntry {
  readonly topic: FaqTopic;
  readonly question: string;
  readonly answer: string;
}

/** The text that the demo answers from: the help page of a web service with accounts, plans and invoices. */
export const FAQ: readonly FaqEntry[] = [
  {
    topic: 'account',
    question: 'How do I reset my password?',
    answer:
      'Open the sign-in page, choose "Forgot password?" and enter the email address of your account. ' +
      'The link in the mail is valid for one hour and works once. If no mail arrives within five minutes, ' +
      'look in your spam folder, then ask for a new link.',
  },
  {
    topic: 'account',
    question: 'How do I change my email address?',
    answer:
      'Open Settings, then Profile, and enter the new address. We send a confirmation to the new address and a note ' +
      'to the old one; the change takes effect when you confirm it.',
  },
  {
    topic: 'account',
    question: 'How do I turn on two-step verification?',
    answer:
      'Open Settings, then Security, choose "Two-step verification" and scan the code with an authenticator app. ' +
      'Keep the ten recovery codes in a safe place: each of them lets you sign in once without your phone.',
  },
  {
    topic: 'account',
    question: 'I lost my phone. How do I sign in without it?',
    answer:
      'Choose "Use a recovery code" below the code field and enter one of your ten recovery codes. ' +
      'Then turn two-step verification off and on again to connect your new phone.',
  },
  {
    topic: 'account',
    question: 'How do I sign out of other devices?',
    answer:
      'Open Settings, then Security, then Devices. "Sign out everywhere" ends every session but the one you are using. ' +
      'If you did not recognise a device, change your password as well.',
  },
  {
    topic: 'account',
    question: 'How do I export my data?',
    answer:
      'Open Settings, then Privacy, and choose "Export my data". We prepare a ZIP file with JSON and CSV files and mail ' +
      'you a link, usually within an hour. The link is valid for seven days.',
  },
  {
    topic: 'account',
    question: 'How do I delete my account?',
    answer:
      'Open Settings, then Privacy, and choose "Delete my account". You can undo it for 30 days by signing in; ' +
      'after that your data is erased for good. Export your data first if you want to keep it.',
  },
  {
    topic: 'invoices',
    question: 'Where do I find my invoices?',
    answer:
      'Open Settings, then Billing, then Invoices. Each invoice can be downloaded as a PDF. ' +
      'To have invoices mailed to your accounting as well, add its address under "Invoice recipients".',
  },
  {
    topic: 'invoices',
    question: 'How do I change the billing address or VAT number on my invoices?',
    answer:
      'Open Settings, then Billing, then Billing details. The change applies to future invoices; ' +
      'for an invoice that has been issued already, reply to the mail it came with.',
  },
  {
    topic: 'invoices',
    question: 'Why did my payment fail?',
    answer:
      'Most often the card has expired or the bank asks for a confirmation. Open Settings, then Billing, update the ' +
      'payment method and choose "Try again". We try three times within a week before a subscription is paused.',
  },
  {
    topic: 'plans',
    question: 'How do I upgrade or downgrade my plan?',
    answer:
      'Open Settings, then Plan. An upgrade takes effect at once and you pay the difference for the rest of the ' +
      'period; a downgrade takes effect at the end of the period.',
  },
  {
    topic: 'plans',
    question: 'How do I cancel my subscription?',
    answer:
      'Open Settings, then Plan, and choose "Cancel subscription". You can use the service until the end of the period ' +
      'that is paid for, and your data is kept for 90 days after that.',
  },
  {
    topic: 'plans',
    question: 'How do I add a colleague to my team?',
    answer:
      'Open Settings, then Members, choose "Invite" and enter the email address of your colleague. ' +
      'Each member takes one seat of your plan; the invitation expires after seven days.',
  },
];

/** For the support staff only. The guarded agent shows how an output guardrail holds it back. */
export const STAFF_FAQ: readonly FaqEntry[] = [
  {
    topic: 'account',
    question: 'How does the support staff verify the identity of a caller?',
    answer:
      '[staff only] Ask for the number of the latest invoice and send a code to the address on file. ' +
      'Never read out what is on file.',
  },
];
