"""Judges of support: does a text carry a claim? And how far can each be trusted?"""
