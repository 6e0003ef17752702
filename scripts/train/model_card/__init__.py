"""The parts of card.py: what the model card measures, and how its pictures are drawn."""
