"""What is read of products and variants."""

from fakeshop.testing import TOKEN
from tests.fakeshop.conftest import Demo


def test_options_description_and_the_count_of_variants(demo: Demo):
    variants = [
        {"sku": "TEE-R", "title": "Red / S", "options": {"Color": "Red", "Size": "S"}},
        {"sku": "TEE", "title": "Default Title"},
    ]
    demo.server.seed(
        {
            "shops": [
                {
                    "shop": "demo",
                    "access_token": TOKEN,
                    "products": [{"title": "Tee", "description": "<p>Soft</p>", "variants": variants}],
                }
            ]
        }
    )
    text = """{ products(first: 1) { nodes { descriptionHtml
      variants(first: 9) { nodes { selectedOptions { name value } } } } }
      productVariantsCount(limit: null) { count precision } }"""

    data = demo.call(text)["data"]

    (tee,) = data["products"]["nodes"]
    assert tee["descriptionHtml"] == "<p>Soft</p>"
    assert [one["selectedOptions"] for one in tee["variants"]["nodes"]] == [
        [{"name": "Color", "value": "Red"}, {"name": "Size", "value": "S"}],
        [{"name": "Title", "value": "Default Title"}],
    ]
    assert data["productVariantsCount"] == {"count": 2, "precision": "EXACT"}
