#pragma once

#include <thrust/count.h>
#include <thrust/extrema.h>
#include <thrust/fill.h>
#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/tabulate.h>

#include "compute/atomics.hpp"
#include "compute/components.hpp"

// labels[v], step by step:
//   1. background: kBackground. Foreground: the index of a voxel of the same component that is not above v; a root
//      points to itself. Links only ever go to smaller indices, so there is no cycle and the last root of a component
//      is its first voxel.
//   2. the root of the component, for every foreground voxel.
//   3. for a root: kRoot - (members without the root); for the others as in 2. Negative numbers do not collide with
//      indices, so the sizes need no array of their own.
namespace brain_mri::algorithms {

inline constexpr Index kBackground = -1;
inline constexpr Index kRoot = -2;

struct InitialLabel {
    const std::uint8_t* mask;
    BRAIN_MRI_HOST_DEVICE Index operator()(Index voxel) const { return mask[voxel] != 0 ? voxel : kBackground; }
};

BRAIN_MRI_HOST_DEVICE inline Index find_root(const Index* labels, Index voxel) {
    Index parent = atomic_read(labels + voxel);
    while (parent != voxel) {
        voxel = parent;
        parent = atomic_read(labels + voxel);
    }
    return voxel;
}

BRAIN_MRI_HOST_DEVICE inline void unite(Index* labels, Index a, Index b) {
    a = find_root(labels, a);
    b = find_root(labels, b);
    while (a != b) {
        const Index larger = a > b ? a : b;
        const Index smaller = a > b ? b : a;
        const Index found = atomic_compare_exchange(labels + larger, larger, smaller);
        if (found == larger) {
            return;
        }
        // Somebody else linked that root first: go on from where it points to now.
        a = find_root(labels, found);
        b = smaller;
    }
}

struct UniteWithNeighbours {
    Index* labels;
    Extents extents;

    BRAIN_MRI_HOST_DEVICE void operator()(Index voxel) const {
        if (atomic_read(labels + voxel) == kBackground) {
            return;
        }
        const Index row = voxel / extents.x;
        visit(voxel, voxel - row * extents.x, 1);
        visit(voxel, row % extents.y, extents.x);
        visit(voxel, row / extents.y, extents.x * extents.y);
    }

    BRAIN_MRI_HOST_DEVICE void visit(Index voxel, Index position, Index stride) const {
        if (position > 0 && atomic_read(labels + voxel - stride) != kBackground) {
            unite(labels, voxel, voxel - stride);
        }
    }
};

/// Step 2. A neighbour that has already been led to its root only shortens the way.
struct Flatten {
    Index* labels;
    BRAIN_MRI_HOST_DEVICE void operator()(Index voxel) const {
        const Index label = atomic_read(labels + voxel);
        if (label >= 0) {
            atomic_write(labels + voxel, find_root(labels, label));
        }
    }
};

struct MarkRoots {
    Index* labels;
    BRAIN_MRI_HOST_DEVICE void operator()(Index voxel) const {
        if (labels[voxel] == voxel) {
            labels[voxel] = kRoot;
        }
    }
};

struct CountMembers {
    Index* labels;
    BRAIN_MRI_HOST_DEVICE void operator()(Index voxel) const {
        const Index label = atomic_read(labels + voxel);
        if (label >= 0) {
            atomic_decrement(labels + label);
        }
    }
};

struct IsRoot {
    BRAIN_MRI_HOST_DEVICE bool operator()(Index label) const { return label <= kRoot; }
};

struct IsMember {
    const Index* labels;
    Index root;
    BRAIN_MRI_HOST_DEVICE std::uint8_t operator()(Index voxel) const {
        return voxel == root || labels[voxel] == root ? 1 : 0;
    }
};

template <class System>
LargestComponent keep_largest_component(const System& system, VolumeView<std::uint8_t> mask, VolumeView<Index> labels) {
    const thrust::counting_iterator<Index> first(0);
    const thrust::counting_iterator<Index> last(mask.extents.count());
    Index* const label_begin = labels.data;
    Index* const label_end = label_begin + mask.extents.count();
    std::uint8_t* const mask_begin = mask.data;
    std::uint8_t* const mask_end = mask_begin + mask.extents.count();

    thrust::tabulate(system.policy(), label_begin, label_end, InitialLabel{mask.data});
    thrust::for_each(system.policy(), first, last, UniteWithNeighbours{labels.data, mask.extents});
    thrust::for_each(system.policy(), first, last, Flatten{labels.data});
    thrust::for_each(system.policy(), first, last, MarkRoots{labels.data});
    thrust::for_each(system.policy(), first, last, CountMembers{labels.data});

    LargestComponent result;
    result.components = static_cast<Index>(thrust::count_if(system.policy(), label_begin, label_end, IsRoot{}));
    if (result.components == 0) {
        thrust::fill(system.policy(), mask_begin, mask_end, std::uint8_t{0});
        return result;
    }
    const Index* const largest = thrust::min_element(system.policy(), label_begin, label_end);
    const Index root = static_cast<Index>(largest - label_begin);
    const Index label = system.read(largest, 1).front();
    result.voxels = kRoot - label + 1;
    thrust::tabulate(system.policy(), mask_begin, mask_end, IsMember{labels.data, root});
    return result;
}

}  // namespace brain_mri::algorithms
