import { Injectable } from '@nestjs/common';

import { RunRecordings } from '../runs/run.recordings.js';

/** The streams of the chats that are being answered, for clients that come back. */
@Injectable()
export class ChatRecordings extends RunRecordings {}
