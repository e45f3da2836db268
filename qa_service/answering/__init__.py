"""A question and its passages in, claims with checked citations out.

answer        one generator of typed events, which everything else folds
relevance     whether the passages hold an answer, decided before anybody writes
writing       who writes: a model (`protocol`, `reading`), or nobody (`extractive`)
gate          the one place where a claim is made, by the guards, `evidence` and `support`
verifying     a second opinion on claims, by a model
disagreement  what the documents tell differently
"""
