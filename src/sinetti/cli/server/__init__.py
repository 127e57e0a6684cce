"""Commands of the extra `sinetti[authority]`: one small file for each."""
