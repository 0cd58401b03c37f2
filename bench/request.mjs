/** The request that every subject gets, over so many connections. */
export const BODY = 'message=How+do+I+reset+my+password%3F&stream=false';
export const HEADERS = { 'content-type': 'application/x-www-form-urlencoded' };
export const CONNECTIONS = 16;
