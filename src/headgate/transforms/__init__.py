"""The sliding-window polynomial transform in many forms: validate once, dispatch to one variant."""
