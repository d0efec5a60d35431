"""Views translate, they do not decide."""
