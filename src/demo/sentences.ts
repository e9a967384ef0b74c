/** Sentences of our own for a look at what the models guess. */
export const maskedSentences = [
  "The [MASK] was built in the nineteenth century .",
  "If the file does not exist , the command returns an [MASK] .",
  "You can use this option to [MASK] the default value .",
  "She was born in London and studied at the [MASK] of Oxford .",
];

/** Timed one at a time: CPU time per sentence. */
export const timedSentences = [
  "The river runs through the old town and into the sea.",
  "Nobody had expected the second experiment to work better than the first one.",
  "Install the package, restart the server, and check that the log holds no errors.",
  "In the winter the road over the pass is closed for several months.",
  "A smaller model that answers in time is worth more than a larger one that does not.",
  "The committee met twice a year until the war, and never again after it.",
];
