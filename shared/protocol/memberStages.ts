/** How far a member of the running round is, in protocol order. Each stage has a word for people; `label` is its name in the metric of participants. */
const table = {
  selected: { word: 'selected', label: 'selected' },
  keysAdvertised: { word: 'advertised its keys' },
  sharesSent: { word: 'sent its shares' },
  sharesAccepted: { word: 'accepted all shares', label: 'keysShared' },
  downloading: { word: 'downloading' },
  training: { word: 'training' },
  trained: { word: 'trained' },
  masking: { word: 'masking' },
  uploading: { word: 'uploading' },
  committed: { word: 'update is in', label: 'reported' },
  signed: { word: 'signed the survivors', label: 'signed' },
  revealed: { word: 'revealed its shares', label: 'revealed' },
  dropped: { word: 'dropped out' },
} as const satisfies Record<string, { readonly word: string; readonly label?: string }>;

export type MemberStage = keyof typeof table;
export const memberStages = Object.keys(table) as [MemberStage, ...MemberStage[]];

/** The word for a member's stage. */
export const memberStageWord = (stage: MemberStage): string => table[stage].word;

type Label = Extract<(typeof table)[MemberStage], { label: string }>['label'];
/** The stages that the coordinator counts members by, and their names in its metrics. */
export const countedStages = memberStages.flatMap((stage) => {
  const facts = table[stage];
  return 'label' in facts ? [{ stage, label: facts.label as Label, word: facts.word }] : [];
});
