"""The surface of the ICT head: its triangles, their materials, and the part of the face that each belongs to.

Eyeballs, teeth, gums and tongue have materials of their own in the model. Parts on the skin have outlines in texture
coordinates (`head_regions.py`). These are drawn into two atlases, for the front and for the back of the head, so that
renders have part labels at their own resolution rather than at that of the triangles.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from engines.spec import BACKGROUND
from realtime.frames.types import U8
from train.parts import head_regions as regions
from train.parts.raster import F32, I32, Hits, rasterise

FACE, BACK, GUMS, TEETH, LEFT_SCLERA, LEFT_IRIS, RIGHT_SCLERA, RIGHT_IRIS = range(8)
"""Materials that are rendered. The model's others (tears, shadows of the lids, lashes) are thin or transparent."""
SOCKET, MOUTH_SOCKET = 8, 9
"""Behind the eyeballs, and behind the teeth. In the model both belong to M_BackHead."""

_ARRAYS = "ict_facekit.npz"
_VERTICES = 26719
_MATERIALS = 8
_MOUTH_SOCKET, _EYE_SOCKETS = (11248, 13294), (13294, 14062)
_ATLAS_PX = 1024
_NOWHERE = 255
# The back of the head is skin above a plane that runs from below the ears down to the nape, in centimetres of the
# neutral head: y > _NAPE_Y + _NAPE_SLOPE * z.
_NAPE_Y, _NAPE_SLOPE = -2.2, 0.35
_EARS_LOW_Y = -6.0


@dataclass(frozen=True, eq=False)
class HeadMesh:
    """T triangles of the head, for `rasterise`."""

    triangles: I32
    """(T, 3) vertices of the head model, clockwise from the front."""
    material: U8
    """(T,) FACE .. MOUTH_SOCKET."""
    uv: F32
    """(T, 3, 2) texture coordinates of the corners, 0..1 in the texture of the material."""
    part: U8
    """(T,) id of PART_LABELS at the middle of each triangle. Brows are skin; neck and nape are background."""
    atlas: U8
    """(2, A, A) uint8 part of each texel of the materials FACE and BACK; rows run along v."""

    def parts(self, hits: Hits, atlas: U8 | None = None) -> U8:
        """(H, W) uint8: the part of each pixel of a render of these triangles.

        Args:
            atlas: an (A, A) atlas of the face to use instead, such as one with brows.
        """
        seen = hits.triangle >= 0
        parts = np.full(hits.triangle.shape, BACKGROUND, np.uint8)
        parts[seen] = self.parts_at(hits.triangle[seen], hits.weights[seen], atlas)
        return parts

    def parts_at(self, triangle: npt.NDArray[np.integer], weights: F32, atlas: U8 | None = None) -> U8:
        """(N,) uint8: the part at points on triangles, given by (N,) triangles and (N, 3) weights of their corners."""
        parts, material = self.part[triangle], self.material[triangle]
        for page, of_page in ((FACE, self.atlas[0] if atlas is None else atlas), (BACK, self.atlas[1])):
            here = material == page
            parts[here] = _look_up(of_page, self.uv_at(triangle[here], weights[here]))
        return parts

    def uv_at(self, triangle: npt.NDArray[np.integer], weights: F32) -> F32:
        """(N, 2) texture coordinates of points on the triangles."""
        return np.einsum("nk,nkc->nc", weights, self.uv[triangle])

    def of(self, hits: Hits) -> U8:
        """(H, W) uint8 material of each pixel; 255 for none."""
        return np.where(hits.triangle >= 0, self.material[hits.triangle], _NOWHERE).astype(np.uint8)


def load_head_mesh(folder: Path) -> HeadMesh:
    """Load the surface of the head model. Raises DataError if it is missing or not ICT-FaceKit's."""
    path = folder / _ARRAYS
    if not path.is_file():
        raise DataError(f"no {_ARRAYS} in {folder}; expected the folder of the head model, name it with --head-model")
    try:
        with np.load(path, allow_pickle=False) as read:
            neutral, quads, material, uv, quads_uv = (
                read[name] for name in ("neutral", "faces", "material", "uv", "faces_uv")
            )
    except (ValueError, KeyError, OSError) as e:
        raise DataError(f"{path} cannot be read ({e}); expected ICT-FaceKit's arrays") from e
    if len(neutral) != _VERTICES or quads.shape != quads_uv.shape:
        raise DataError(f"{path} contains {len(neutral)} vertices; expected ICT-FaceKit's full head with {_VERTICES}")
    kinds = _materials(quads, material)
    drawn = kinds < MOUTH_SOCKET + 1
    return _mesh(neutral.astype(np.float64), quads[drawn], kinds[drawn], uv[quads_uv[drawn]])


def _materials(quads: I32, material: U8) -> U8:
    """(Q,) materials, with the sockets as materials of their own; those not rendered are above MOUTH_SOCKET."""
    kinds = np.where(material < _MATERIALS, material, _NOWHERE).astype(np.uint8)
    for kind, (first, end) in ((MOUTH_SOCKET, _MOUTH_SOCKET), (SOCKET, _EYE_SOCKETS)):
        kinds[(material == BACK) & ((quads >= first) & (quads < end)).all(1)] = kind
    return kinds


def _mesh(neutral: npt.NDArray[np.float64], quads: I32, kinds: U8, uv: F32) -> HeadMesh:
    # The model's quads are counter-clockwise. Some are triangles whose last corner is repeated: one half is empty.
    halves = np.array([[0, 2, 1], [0, 3, 2]])
    triangles = quads[:, halves].reshape(-1, 3)
    whole = (triangles[:, 0] != triangles[:, 1]) & (triangles[:, 1] != triangles[:, 2])
    triangles, material = triangles[whole].astype(np.int32), np.repeat(kinds, 2)[whole]
    corners = (uv - np.floor(uv.min(1, keepdims=True)))[:, halves].reshape(-1, 3, 2)[whole].astype(np.float32)
    atlas = np.stack([regions.face_atlas(_ATLAS_PX), _back_atlas(neutral, triangles, corners, material)])
    return HeadMesh(triangles, material, corners, _parts(neutral, triangles, corners, material, atlas), atlas)


def _parts(neutral: npt.NDArray[np.float64], triangles: I32, uv: F32, material: U8, atlas: U8) -> U8:
    left = neutral[triangles[:, 0], 0] > 0
    eye = np.where(left, regions.LEFT_EYE, regions.RIGHT_EYE)
    part = np.where(np.isin(material, (GUMS, TEETH, MOUTH_SOCKET)), regions.MOUTH, eye).astype(np.uint8)
    for page in (FACE, BACK):
        part[material == page] = _look_up(atlas[page], uv[material == page].mean(1))
    return part


def _back_atlas(neutral: npt.NDArray[np.float64], triangles: I32, uv: F32, material: U8) -> U8:
    """(A, A) atlas of skin, ears and nape. Rendering the texture itself gives the place of each texel on the head."""
    back = np.flatnonzero(material == BACK)
    flat = np.concatenate([uv[back] * _ATLAS_PX, np.ones((len(back), 3, 1))], 2).reshape(-1, 3)
    hits = rasterise(flat, np.arange(len(flat)).reshape(-1, 3), (_ATLAS_PX, _ATLAS_PX))
    place = hits.interpolate_corners(neutral[triangles[back]])
    nape = place[:, :, 1] < _NAPE_Y + _NAPE_SLOPE * place[:, :, 2]
    atlas = np.where(nape, BACKGROUND, regions.SKIN).astype(np.uint8)
    regions.fill(atlas, regions.EAR_BACK, regions.LEFT_EAR)
    regions.fill(atlas, regions.mirrored(regions.EAR_BACK), regions.RIGHT_EAR)
    atlas[place[:, :, 1] < _EARS_LOW_Y] = BACKGROUND  # the chest is next to the ears in the texture
    return atlas


def _look_up(atlas: U8, uv: F32) -> U8:
    column, row = np.clip((uv * atlas.shape[0]).astype(np.int64), 0, atlas.shape[0] - 1).T
    return atlas[row, column]
