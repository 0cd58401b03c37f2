/** So many short readings of each subject, taken in turns, there and back, so that what else the machine does meets all. */
export async function inTurns(subjects, readings, read) {
  const taken = Object.fromEntries(subjects.map(({ variant }) => [variant, []]));
  for (let reading = 0; reading < readings; reading++) {
    const order = reading % 2 === 0 ? subjects : subjects.toReversed();
    for (const subject of order) taken[subject.variant].push(await read(subject));
  }
  return taken;
}
