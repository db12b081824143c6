"""The equations of both papers as losses.

A loss that is a sum returns its named terms and their `total`; a single term is a scalar tensor.
"""
